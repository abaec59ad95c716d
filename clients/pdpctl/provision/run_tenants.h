// `pdpctl provision tenants coverage` and `assign`.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_RUN_TENANTS_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_RUN_TENANTS_H_

#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/run_plan.h"

namespace pdp::provision {

// Returns the exit code.  FailedPrecondition: every organization has a project
// of its own, whose resources are all its own.
absl::StatusOr<int> RunTenants(const RunContext& context);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_RUN_TENANTS_H_

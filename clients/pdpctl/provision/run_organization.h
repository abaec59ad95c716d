// `pdpctl provision onboard`, `suspend` and `offboard`.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_RUN_ORGANIZATION_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_RUN_ORGANIZATION_H_

#include "absl/status/statusor.h"
#include "clients/pdpctl/command_line.h"
#include "clients/pdpctl/provision/run_plan.h"

namespace pdp::provision {

// Returns the exit code: an error also where a running server at `connection`
// does not come to answer as it should, or somebody keeps access.
absl::StatusOr<int> RunOrganization(const RunContext& context,
                                    const ctl::Connection& connection);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_RUN_ORGANIZATION_H_

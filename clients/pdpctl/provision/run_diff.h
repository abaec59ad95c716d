// `pdpctl provision diff`.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_RUN_DIFF_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_RUN_DIFF_H_

#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/run_plan.h"

namespace pdp::provision {

// Prints how what provisioning made at the two environments differs, in the
// names of the file; ids do not matter.  Returns the exit code.
absl::StatusOr<int> RunDiff(const RunContext& context);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_RUN_DIFF_H_

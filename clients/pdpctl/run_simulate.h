// `pdpctl simulate`.

#ifndef PDP_CLIENTS_PDPCTL_RUN_SIMULATE_H_
#define PDP_CLIENTS_PDPCTL_RUN_SIMULATE_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// Prints what the proposal would change.  kExitOk: nothing; kExitDeny:
// something; kExitError: that cannot be told.
int RunSimulate(const SimulateCommand& command, OutputFormat output,
                std::ostream& out, std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_SIMULATE_H_

// The command `setup medplum`.

#ifndef PDP_CLIENTS_PDPCTL_RUN_SETUP_H_
#define PDP_CLIENTS_PDPCTL_RUN_SETUP_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// Returns the exit code.
int RunSetup(const SetupCommand& command, std::ostream& out, std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_SETUP_H_

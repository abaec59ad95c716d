// `pdpctl conformance`.

#ifndef PDP_CLIENTS_PDPCTL_RUN_CONFORMANCE_H_
#define PDP_CLIENTS_PDPCTL_RUN_CONFORMANCE_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// Returns the exit code.
int RunConformanceCommand(const ConformanceCommand& command,
                          OutputFormat output, std::ostream& out,
                          std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_CONFORMANCE_H_

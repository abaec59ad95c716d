// `pdpctl lint`: what is wrong with AccessPolicies and ProjectMemberships, of a
// server or of the files in a directory.

#ifndef PDP_CLIENTS_PDPCTL_RUN_LINT_H_
#define PDP_CLIENTS_PDPCTL_RUN_LINT_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// kExitFindings: something is of WARNING or worse.
int RunLint(const LintCommand& command, OutputFormat output, std::ostream& out,
            std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_LINT_H_

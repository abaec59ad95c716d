// `pdpctl provision`.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_RUN_PROVISION_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_RUN_PROVISION_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::provision {

// Returns the exit code.
int Run(const ctl::ProvisionLine& line, ctl::OutputFormat output,
        std::ostream& out, std::ostream& err);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_RUN_PROVISION_H_

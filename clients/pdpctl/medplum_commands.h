// The parts of the command line that name a Medplum server.

#ifndef PDP_CLIENTS_PDPCTL_MEDPLUM_COMMANDS_H_
#define PDP_CLIENTS_PDPCTL_MEDPLUM_COMMANDS_H_

#include "clients/pdpctl/command_line.h"

namespace CLI {
class App;
}  // namespace CLI

namespace pdp::ctl {

// Each returns the command, which fills in its second argument.
CLI::App* AddSetup(CLI::App& app, SetupCommand& setup);
CLI::App* AddDoctor(CLI::App& app, SetupCommand& login);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_MEDPLUM_COMMANDS_H_

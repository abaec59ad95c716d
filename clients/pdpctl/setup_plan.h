// What the decision point needs at a Medplum server, as an administrator makes
// it there.

#ifndef PDP_CLIENTS_PDPCTL_SETUP_PLAN_H_
#define PDP_CLIENTS_PDPCTL_SETUP_PLAN_H_

#include <ostream>
#include <string>
#include <string_view>

#include "clients/pdpctl/command_line.h"
#include "pdp/medplum/required_access.h"

namespace pdp::ctl {

// What the login must be able to do.
medplum::RequiredAccess RequiredOf(const SetupCommand& command);

// The entries of the login's AccessPolicy, as a JSON array.
std::string PolicyEntries(const SetupCommand& command);

// The AccessPolicy, as JSON.  `project` becomes its meta.project, unless it is
// empty.
std::string PolicyResource(const SetupCommand& command,
                           std::string_view project);

// The lines of pdpd's configuration file.
std::string ConfigLines(const SetupCommand& command, std::string_view client_id,
                        std::string_view secret_file);

// Everything that is to be made, and why.
void PrintPlan(const SetupCommand& command, std::ostream& out);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SETUP_PLAN_H_

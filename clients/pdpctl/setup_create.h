// Makes what the decision point needs at a Medplum server, where it is missing.

#ifndef PDP_CLIENTS_PDPCTL_SETUP_CREATE_H_
#define PDP_CLIENTS_PDPCTL_SETUP_CREATE_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/pdpctl/command_line.h"
#include "clients/pdpctl/medplum_admin.h"

namespace pdp::ctl {

// Makes the policy, the client, its membership and the project's feature, each
// looked for by name first; writes the client's secret to the file that the
// command names; and prints a line for each.  Returns the client's id.
absl::StatusOr<std::string> CreateSetup(const SetupCommand& command,
                                        MedplumAdmin& admin, std::ostream& out);

// Writes `secret` to a new file that nobody else can read.  OK where the file
// has it already.  FailedPrecondition: it has something else.
absl::Status WriteSecret(const std::string& path, const std::string& secret);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SETUP_CREATE_H_

#ifndef PDP_CLIENTS_PDPCTL_RUN_DOCTOR_H_
#define PDP_CLIENTS_PDPCTL_RUN_DOCTOR_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// Looks at a running server and, where a login is named, at the Medplum server,
// and prints what was found, what is not well last.  Returns the exit code.
int RunDoctor(const DoctorCommand& command, OutputFormat output,
              std::ostream& out);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_DOCTOR_H_

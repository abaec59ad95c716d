// How the command line names a login at a Medplum server.

#ifndef PDP_CLIENTS_PDPCTL_MEDPLUM_LOGIN_H_
#define PDP_CLIENTS_PDPCTL_MEDPLUM_LOGIN_H_

#include "clients/pdpctl/command_line.h"
#include "pdp/medplum/session.h"

namespace pdp::ctl {

// The decision point's own.
medplum::Credentials LoginOf(const SetupCommand& command);

medplum::SessionOptions SessionOf(const SetupCommand& command,
                                  medplum::Credentials credentials);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_MEDPLUM_LOGIN_H_

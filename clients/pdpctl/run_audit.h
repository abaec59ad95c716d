// `pdpctl audit`: reads audit logs from their files, without a server.

#ifndef PDP_CLIENTS_PDPCTL_RUN_AUDIT_H_
#define PDP_CLIENTS_PDPCTL_RUN_AUDIT_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// kExitFindings: the log is not whole.  kExitError: it could not be read, or
// has lines that are no records, which `err` then places.
int RunAudit(const AuditCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_AUDIT_H_

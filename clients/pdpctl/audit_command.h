// The command line of `pdpctl audit`.

#ifndef PDP_CLIENTS_PDPCTL_AUDIT_COMMAND_H_
#define PDP_CLIENTS_PDPCTL_AUDIT_COMMAND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "clients/pdpctl/audit_filters.h"

namespace CLI {
class App;
}

namespace pdp::ctl {

// The report that is not of the log, but of a server.
inline constexpr char kAccessReport[] = "access";

struct AuditCommand {
  enum class Action : uint8_t { kVerify, kQuery, kExport, kReport };

  Action action = Action::kVerify;
  // Of a server, and archives.
  std::vector<std::string> directories;

  // verify.
  std::vector<std::string> public_key_files;
  std::vector<std::string> heads_files;

  AuditFilters filters;  // Of the others.

  bool csv = false;    // export, report.
  std::string report;  // Its name.
};

// Adds the command to `app`; `is_json` is its --output.  Its action is set when
// the command line is parsed.
CLI::App* AddAudit(CLI::App& app, AuditCommand& command, bool& is_json);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_AUDIT_COMMAND_H_

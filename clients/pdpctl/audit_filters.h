// Which records of an audit log a command is about.

#ifndef PDP_CLIENTS_PDPCTL_AUDIT_FILTERS_H_
#define PDP_CLIENTS_PDPCTL_AUDIT_FILTERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "pdp/audit/query.h"

namespace CLI {
class App;
}

namespace pdp::ctl {

// What is empty is not asked for.
struct AuditFilters {
  std::string from;
  std::string to;
  std::string subject;
  std::string patient;
  std::string resource;
  std::string effect;
  std::string reason;
  std::string decision;
  std::string caller;
  std::string project;
  std::string interaction;
  std::string kind;
};

void AddAuditFilters(CLI::App* app, AuditFilters& filters);

// InvalidArgument: a time or an id is none.
absl::StatusOr<audit::Query> MakeQuery(const AuditFilters& filters);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_AUDIT_FILTERS_H_

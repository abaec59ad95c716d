// A table of checks and filters with the answers they should get, for
// `pdpctl test`.  As JSON:
//
//   {"title", "groups": [{"title", "cases": [case...]}], "filters":
//   [filter...]}
//
//   case    {"id", "who", "subject", "interaction", "resource": "Type/id",
//            "version", "proposed": {...},
//            "expect": {"effect", "reason", "hidden_fields",
//                       "readonly_fields", "enforcement_http_status",
//                       "medplum_http_status"}}
//   filter  {"id", "who", "subject", "resource_type", "query",
//            "expect": {"kind", "queries"}}
//   subject {"membership": "ProjectMembership/id"}, or
//           {"profile": "Patient/id", "project": "id"} ("reference" is the
//           same as "profile"); beside it the members of a Context in the
//           API's own names: "smart_scope", "launch_patient",
//           "extended_mode", "remote_address", "on_behalf_of",
//           "active_tenants"
//
// Of `expect`, `effect` and `kind` must be there; what else is there is
// compared as well.  Lists are compared as sets.

#ifndef PDP_CLIENTS_PDPCTL_CASE_TABLE_H_
#define PDP_CLIENTS_PDPCTL_CASE_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::ctl {

struct ExpectedDecision {
  std::string effect;
  std::string reason;  // Empty: any.
  std::optional<std::vector<std::string>> hidden_fields;
  std::optional<std::vector<std::string>> readonly_fields;
  std::optional<uint32_t> enforcement_http_status;
  std::optional<uint32_t> medplum_http_status;
};

struct CheckCase {
  std::string id;
  std::string who;
  std::string what;  // "read Patient/20000001-...".
  medplum::pdp::v1::CheckRequest request;
  ExpectedDecision expected;
};

struct CheckGroup {
  std::string title;
  std::vector<CheckCase> cases;
};

struct FilterCase {
  std::string id;
  std::string who;
  std::string what;
  medplum::pdp::v1::FilterRequest request;
  std::string kind;
  std::optional<std::vector<std::string>> queries;
};

struct CaseTable {
  std::string title;
  std::vector<CheckGroup> groups;
  std::vector<FilterCase> filters;
};

// InvalidArgument: the message names the case and what is wrong with it.
absl::StatusOr<CaseTable> ParseCaseTable(const std::string& json);

// How `decision` differs from what was expected; empty where it does not.
std::string Mismatch(const ExpectedDecision& expected,
                     const medplum::pdp::v1::Decision& decision);

// Queries are compared decoded, each as a set of parameters; a `_project` that
// was not expected is left out: it only narrows to the subject's projects.
std::string Mismatch(const FilterCase& expected,
                     const medplum::pdp::v1::FilterResponse& response);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_CASE_TABLE_H_

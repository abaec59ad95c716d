// Conformance: the decisions of a Judge against those that were recorded from a
// Medplum server.

#ifndef PDP_CLIENTS_PDPCTL_CONFORMANCE_H_
#define PDP_CLIENTS_PDPCTL_CONFORMANCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/pdpctl/judge.h"
#include "clients/pdpctl/search_executor.h"
#include "clients/pdpctl/vector_file.h"
#include "pdp/fhir/memory_lookup.h"

namespace pdp::ctl {

enum class CaseKind : uint8_t { kCheck, kCold, kEffective, kSearch };
inline constexpr CaseKind kCaseKinds[] = {
    CaseKind::kCheck, CaseKind::kCold, CaseKind::kEffective, CaseKind::kSearch};

// "check".
std::string_view CaseKindName(CaseKind kind);

// One recorded answer, and ours.
struct CaseResult {
  std::string_view scenario;
  CaseKind kind = CaseKind::kCheck;
  std::string_view id;
  bool passed = false;
  bool skipped = false;
  // What Medplum denies was permitted, or a search finds more.
  bool is_wrong_permit = false;
  // A field is shown that Medplum hides.
  bool is_leak = false;
  // Strict mode denies, hides or leaves out what Medplum permits, shows or
  // finds: the rule by which it does ("A+B": several narrowed a search)...
  std::string strict_rule;
  // ... or no rule is named, or not one alone.
  bool is_unexplained = false;
  // For people: "ALLOW 200", "DENY 403", "200, 3 found".
  std::string expected_text;
  std::string got_text;
  // The same as JSON.
  std::string expected_json;
  std::string got_json;
  std::string reason;  // The PDP's own reason: "RESOURCE_NOT_GRANTED".
  std::string why;     // Why the case failed or was skipped.
};

// Runs the queries of a Filter over all resources of a scenario.
using SearchExecutor = std::function<absl::StatusOr<SearchResult>(
    const fhir::ResourceLookup& lookup,
    const std::vector<std::string>& queries)>;

struct ConformanceOptions {
  std::vector<CaseKind> kinds = {std::begin(kCaseKinds), std::end(kCaseKinds)};
  // Not empty: cold reads cannot be asked for, and why.
  std::string no_cold_reads;
  // Strict mode: a case passes where the answer departs from what was recorded
  // by a rule that it names.
  bool explain_departures = false;
  SearchExecutor execute_search = ExecuteSearches;
  // Run a search that Filter refuses as Medplum would run it.  False: a refused
  // search finds nothing.
  bool search_as_subject = true;
};

// Puts every case of `file` before `judge`.  `report` gets one result for each,
// in the order of `options.kinds` and of the file.
void RunConformance(const VectorFile& file, const ConformanceOptions& options,
                    Judge& judge,
                    const std::function<void(const CaseResult&)>& report);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_CONFORMANCE_H_

// The includes of a caller's query (semantics S-21): whether a search that
// somebody else runs brings what the subject's own would.  filter_query.h says
// when.

#ifndef PDP_POLICY_FILTER_INCLUDES_H_
#define PDP_POLICY_FILTER_INCLUDES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/filter_entries.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

struct IncludeReach {
  bool has_includes = false;
  // What the included types hide.
  std::vector<std::string> hidden_fields;
  std::vector<std::string> inexact;

  bool refused = false;
  std::string parameter;  // `_include=Observation:subject`.
  std::string why;
  uint16_t medplum_http_status = 0;  // 0: Medplum may run it.
};

IncludeReach ReachOfIncludes(const SubjectAccess& access,
                             const FilterRequest& request,
                             const EntriesReach& own,
                             const fhir::search::Criteria& criteria, Mode mode);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_INCLUDES_H_

#include "pdp/fhir/search/match_durable.h"

#include "pdp/base/strings.h"

namespace pdp::fhir::search {

DurableResult CheckDurable(const Criteria& criteria, std::string_view,
                           const DurableEnvironment&) {
  for (const Filter& filter : criteria.filters) {
    if (filter.parameter == nullptr && !filter.is_chained &&
        filter.code != "_filter" && filter.code != "_deleted") {
      return {DurableMatch::kError,
              StrCat("unknown search parameter `", filter.code, "`")};
    }
  }
  return {DurableMatch::kYes, ""};
}

DurableResult MatchesDurably(const Criteria& criteria, const Resource& resource,
                             const DurableEnvironment& environment,
                             fhirpath::Scratch&) {
  const DurableResult check =
      CheckDurable(criteria, resource.type(), environment);
  if (check.match != DurableMatch::kYes) return check;
  return {DurableMatch::kUnknown,
          "the database's rules for this criteria are not emulated"};
}

}  // namespace pdp::fhir::search

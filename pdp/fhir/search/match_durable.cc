#include "pdp/fhir/search/match_durable.h"

#include "pdp/base/strings.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/durable_column.h"
#include "pdp/fhir/search/durable_filter.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

DurableResult CheckFilter(const Filter& filter) {
  if (filter.parameter != nullptr) {
    return CheckDurableFilter(filter, ColumnOf(*filter.parameter));
  }
  if (filter.is_chained || filter.code == "_filter" ||
      filter.code == "_deleted") {
    return DurableUnknown(StrCat("`", filter.code, "` is not emulated"));
  }
  return DurableError(StrCat("unknown search parameter `", filter.code, "`"));
}

DurableResult MatchFilter(const Filter& filter, const Resource& resource,
                          fhirpath::Scratch& scratch) {
  const absl::StatusOr<fhirpath::Collection> values =
      ValuesOf(*filter.parameter, resource, scratch);
  if (!values.ok()) return DurableUnknown(values.status().ToString());
  return MatchesDurableFilter(filter, ColumnOf(*filter.parameter), *values);
}

}  // namespace

DurableResult CheckDurable(const Criteria& criteria, std::string_view,
                           const DurableEnvironment&) {
  DurableResult result = DurableSound();
  for (const Filter& filter : criteria.filters) {
    DurableResult check = CheckFilter(filter);
    if (check.match == DurableMatch::kError ||
        check.match == DurableMatch::kForbidden) {
      return check;
    }
    if (result.match == DurableMatch::kYes) result = check;
  }
  return result;
}

DurableResult MatchesDurably(const Criteria& criteria, const Resource& resource,
                             const DurableEnvironment& environment,
                             fhirpath::Scratch& scratch) {
  const DurableResult check =
      CheckDurable(criteria, resource.type(), environment);
  if (check.match == DurableMatch::kError ||
      check.match == DurableMatch::kForbidden) {
    return check;
  }
  DurableResult result = DurableSound();
  for (const Filter& filter : criteria.filters) {
    DurableResult answer = CheckFilter(filter);
    if (answer.match == DurableMatch::kYes) {
      answer = MatchFilter(filter, resource, scratch);
    }
    if (answer.match == DurableMatch::kNo) return answer;
    if (result.match == DurableMatch::kYes) result = answer;
  }
  return result;
}

}  // namespace pdp::fhir::search

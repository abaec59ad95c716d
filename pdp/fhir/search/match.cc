#include "pdp/fhir/search/match.h"

#include "pdp/base/status_macros.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

// `:missing=false` and `:present=true` want a value; whatever else is written
// wants none.
bool WantsPresence(const Filter& filter) {
  return filter.op == Operator::kMissing ? filter.value == "false"
                                         : filter.value == "true";
}

absl::StatusOr<bool> MatchesFilter(const Filter& filter,
                                   const Resource& resource,
                                   fhirpath::Scratch& scratch) {
  if (filter.parameter == nullptr) return false;
  PDP_ASSIGN_OR_RETURN(const fhirpath::Collection values,
                       ValuesOf(*filter.parameter, resource, scratch));
  if (filter.op == Operator::kMissing || filter.op == Operator::kPresent) {
    return values.empty() != WantsPresence(filter);
  }
  switch (filter.parameter->type) {
    case ParameterType::kReference:
      return MatchesReference(filter, values);
    case ParameterType::kToken:
      return MatchesToken(filter, values);
    case ParameterType::kString:
    case ParameterType::kUri:
      return MatchesString(filter, values);
    case ParameterType::kDate:
      return MatchesDate(filter, values);
    case ParameterType::kNumber:
    case ParameterType::kQuantity:
    case ParameterType::kComposite:
    case ParameterType::kSpecial:
      return false;
  }
  return false;
}

}  // namespace

absl::StatusOr<bool> MatchesInMemory(const Criteria& criteria,
                                     const Resource& resource,
                                     fhirpath::Scratch& scratch) {
  if (resource.type() != criteria.resource_type) return false;
  for (const Filter& filter : criteria.filters) {
    PDP_ASSIGN_OR_RETURN(const bool matches,
                         MatchesFilter(filter, resource, scratch));
    if (!matches) return false;
  }
  return true;
}

}  // namespace pdp::fhir::search

// The in-memory matchers, one for each way of comparing (semantics S-10).
// Each is given the values that the filter's parameter has in a resource.
//
// InvalidArgument, of all of them: Medplum raises an exception, or an element
// does not have the shape FHIR gives it.

#ifndef PDP_FHIR_SEARCH_MATCH_FILTER_H_
#define PDP_FHIR_SEARCH_MATCH_FILTER_H_

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/search/criteria.h"

namespace pdp::fhir::search {

absl::StatusOr<bool> MatchesReference(const Filter& filter,
                                      const fhirpath::Collection& values);
absl::StatusOr<bool> MatchesToken(const Filter& filter,
                                  const fhirpath::Collection& values);
absl::StatusOr<bool> MatchesString(const Filter& filter,
                                   const fhirpath::Collection& values);
absl::StatusOr<bool> MatchesDate(const Filter& filter,
                                 const fhirpath::Collection& values);

// `:not` turns the result round; an absent value then matches.
inline bool IsNegated(const Filter& filter) {
  return filter.op == Operator::kNot || filter.op == Operator::kNotEquals;
}

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_MATCH_FILTER_H_

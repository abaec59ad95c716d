// Whether a resource meets criteria, by Medplum's in-memory rules
// (semantics S-10).  The rules of Medplum's database are another matcher.

#ifndef PDP_FHIR_SEARCH_MATCH_H_
#define PDP_FHIR_SEARCH_MATCH_H_

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/criteria.h"

namespace pdp::fhir::search {

// True where `resource` is of the criteria's type and meets every filter.
//
// InvalidArgument: Medplum raises an exception (and answers 400).
absl::StatusOr<bool> MatchesInMemory(const Criteria& criteria,
                                     const Resource& resource,
                                     fhirpath::Scratch& scratch);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_MATCH_H_

// One filter by the rules of Medplum's database (semantics S-12).

#ifndef PDP_FHIR_SEARCH_DURABLE_FILTER_H_
#define PDP_FHIR_SEARCH_DURABLE_FILTER_H_

#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::fhir::search {

// Whether the server can make a predicate of `filter`, whose parameter is
// registered: kYes, kError or kUnknown.
DurableResult CheckDurableFilter(const Filter& filter);

// The parameter whose values MatchesDurableFilter wants: that of the filter,
// but of names and addresses the one that has them whole.
const SearchParameter& ParameterToEvaluate(const Filter& filter);

// `filter`, which passed the check, against the values that the parameter to
// evaluate has in the resource.
DurableResult MatchesDurableFilter(const Filter& filter,
                                   const fhirpath::Collection& values);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_FILTER_H_

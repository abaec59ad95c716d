// One filter by the rules of Medplum's database (semantics D.7).

#ifndef PDP_FHIR_SEARCH_DURABLE_FILTER_H_
#define PDP_FHIR_SEARCH_DURABLE_FILTER_H_

#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/durable_column.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::fhir::search {

// Whether the server can make a predicate of `filter`, whose parameter is
// registered: kYes, kError or kUnknown.
DurableResult CheckDurableFilter(const Filter& filter,
                                 const DurableColumn& column);

// `filter`, which passed the check, against the values that its parameter has
// in the resource.
DurableResult MatchesDurableFilter(const Filter& filter,
                                   const DurableColumn& column,
                                   const fhirpath::Collection& values);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_FILTER_H_

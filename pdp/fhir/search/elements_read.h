// Which elements of a resource an expression reads, as far as its text tells.

#ifndef PDP_FHIR_SEARCH_ELEMENTS_READ_H_
#define PDP_FHIR_SEARCH_ELEMENTS_READ_H_

#include <string_view>

#include "pdp/fhir/element_set.h"
#include "pdp/fhir/search/criteria.h"

namespace pdp::fhir::search {

// Of a FHIRPath expression that is evaluated on a resource of `resource_type`;
// the whole where that cannot be told.
ElementSet ElementsRead(std::string_view expression,
                        std::string_view resource_type);

// Of criteria, by either way of matching them; those of `*` on any type.
ElementSet ElementsRead(const Criteria& criteria);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_ELEMENTS_READ_H_

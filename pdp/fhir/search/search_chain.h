// Chained parameters: `organization.name=x`, `_has:Observation:subject:code=x`
// and any mixture of the two (semantics S-13).

#ifndef PDP_FHIR_SEARCH_SEARCH_CHAIN_H_
#define PDP_FHIR_SEARCH_SEARCH_CHAIN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {

struct ChainLink {
  // The reference that is followed: of the resource before the link or, where
  // `is_reverse`, of the resource behind it.
  const SearchParameter* parameter = nullptr;
  std::string type;  // Of the resource behind the link.
  bool is_reverse = false;
};

struct SearchChain {
  std::vector<ChainLink> links;  // At least one.
  Filter last;                   // Of the last link's resource.
};

// What the key of `filter`, which is chained, says for `resource_type`.
//
// InvalidArgument: a parameter or type that is not known or refers to several
// types without naming one; more links than the server follows.
absl::StatusOr<SearchChain> ParseSearchChain(std::string_view resource_type,
                                             const Filter& filter);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_SEARCH_CHAIN_H_

// The element paths that a search parameter looks at, to be shown to people.

#ifndef PDP_POLICY_ELEMENT_PATHS_H_
#define PDP_POLICY_ELEMENT_PATHS_H_

#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/search/search_parameter.h"

namespace pdp::policy {

// `subject`, `code`: those of `parameter` in resources of `type`, without the
// type and without what is asked of their values.
std::vector<std::string> ElementPathsOf(
    const fhir::search::SearchParameter& parameter, std::string_view type);

}  // namespace pdp::policy

#endif  // PDP_POLICY_ELEMENT_PATHS_H_

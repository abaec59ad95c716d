// What of a search tells of hidden fields.  When in doubt it does.

#ifndef PDP_POLICY_FILTER_HIDDEN_H_
#define PDP_POLICY_FILTER_HIDDEN_H_

#include <span>
#include <string>
#include <string_view>

#include "pdp/fhir/search/search_parameter.h"

namespace pdp::policy {

// Whether `parameter` looks at any of `hidden_fields`, at part of one or at
// what holds one.  `_compartment` looks at what makes compartments, too.
bool LooksAtHiddenField(const fhir::search::SearchParameter& parameter,
                        std::span<const std::string> hidden_fields);

// Whether `list`, a `_sort` or `_elements` of `type`, names a hidden field or a
// parameter that looks at one.
bool ListsHiddenField(std::string_view type, std::string_view list,
                      std::span<const std::string> hidden_fields);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_HIDDEN_H_

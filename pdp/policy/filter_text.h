// Filters as expressions of `_filter` (semantics S-13), whose connectives bind
// alike and to the right: every level is in parentheses.

#ifndef PDP_POLICY_FILTER_TEXT_H_
#define PDP_POLICY_FILTER_TEXT_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/filter_entries.h"

namespace pdp::policy {

// `code op "value"` for resources of `type`: what finds exactly what `filter`
// finds.  Nothing where it cannot be said: `_has`, `:text` of tokens, whatever
// the server does not know.
std::optional<std::string> FilterText(const fhir::search::Filter& filter,
                                      std::string_view type);

// All of `filters`; some of `any_of`.  REQUIRES: there are some.
std::optional<std::string> FilterTextOfAll(
    std::span<const fhir::search::Filter> filters, std::string_view type);
std::optional<std::string> FilterTextOfAny(std::span<const EntryFilter> any_of,
                                           std::string_view type);

// `(a) and (b)`.
std::string BothTexts(std::string_view a, std::string_view b);

// `text` in quotes.
std::string QuoteFilterValue(std::string_view text);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_TEXT_H_

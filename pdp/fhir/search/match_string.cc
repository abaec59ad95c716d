#include <algorithm>
#include <string>

#include "pdp/base/status_macros.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {

absl::StatusOr<bool> MatchesString(const Filter& filter,
                                   const fhirpath::Collection& values) {
  bool found = false;
  for (const fhirpath::Value& value : values) {
    PDP_ASSIGN_OR_RETURN(const std::string text, DisplayText(value));
    if (text.empty() || found) continue;
    found = std::ranges::any_of(filter.lowered, [&](const std::string& part) {
      return ContainsLowered(text, part);
    });
  }
  return found != IsNegated(filter);
}

}  // namespace pdp::fhir::search

#include <algorithm>

#include "pdp/base/status_macros.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/token.h"

namespace pdp::fhir::search {

absl::StatusOr<bool> MatchesToken(const Filter& filter,
                                  const fhirpath::Collection& values) {
  bool found = false;
  for (const fhirpath::Value& value : values) {
    PDP_RETURN_IF_ERROR(ForEachToken(value, [&](const Token& token) {
      found = found || std::ranges::any_of(filter.token_tests,
                                           [&](const TokenTest& test) {
                                             return PassesTest(test, token);
                                           });
    }));
  }
  return found != IsNegated(filter);
}

}  // namespace pdp::fhir::search

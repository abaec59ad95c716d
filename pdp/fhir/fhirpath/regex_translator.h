// The syntax of JavaScript's regular expressions, turned into RE2's.

#ifndef PDP_FHIR_FHIRPATH_REGEX_TRANSLATOR_H_
#define PDP_FHIR_FHIRPATH_REGEX_TRANSLATOR_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pdp::fhir::fhirpath {

// RE2 works on code points, JavaScript on UTF-16 code units: half a surrogate
// pair is written as the code point kSurrogateBase + (unit - 0xD800), on both
// sides.
inline constexpr uint32_t kSurrogateBase = 0x100000;

struct TranslatedPattern {
  std::string re2;
  std::vector<std::string> group_names;  // Empty for one without a name.
  // A group within a repetition: JavaScript forgets it at every turn.
  bool has_repeated_group = false;
  // A repetition of what may be empty: engines differ in when they stop.
  bool has_empty_repetition = false;
};

// InvalidArgument: no regular expression.  Unimplemented: not for RE2.
absl::StatusOr<TranslatedPattern> TranslatePattern(std::string_view source);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_REGEX_TRANSLATOR_H_

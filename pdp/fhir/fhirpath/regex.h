// JavaScript regular expressions (without flags) on RE2.
//
// A pattern is translated piece by piece; what RE2 cannot express
// (back-references, look-around) is refused, never approximated.  Matching is
// by UTF-16 code units, as in JavaScript.

#ifndef PDP_FHIR_FHIRPATH_REGEX_H_
#define PDP_FHIR_FHIRPATH_REGEX_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace pdp::fhir::fhirpath {

class Pattern {
 public:
  // InvalidArgument: no regular expression.  Unimplemented: RE2 cannot do it.
  static absl::StatusOr<std::unique_ptr<const Pattern>> Compile(
      std::string_view source);

  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  // Whether it matches anywhere in `subject`.
  bool Search(std::string_view subject) const;

  // Every match replaced; `$1`, `$<name>`, `$&` and their like stand for parts
  // of the match.
  //
  // Unimplemented: RE2 may find other groups than JavaScript.
  // InvalidArgument: the result is no Unicode text.
  // ResourceExhausted: it is longer than `max_bytes`.
  absl::StatusOr<std::string> ReplaceAll(std::string_view subject,
                                         std::string_view substitution,
                                         size_t max_bytes) const;

 private:
  Pattern();

  std::unique_ptr<const re2::RE2> expression_;
  std::vector<std::string> group_names_;  // Empty for one without a name.
  bool has_names_ = false;
  bool groups_may_differ_ = false;
  bool matches_may_differ_ = false;
};

// String.prototype.replaceAll(pattern, substitution) with a pattern that is a
// plain text.
absl::StatusOr<std::string> ReplaceAllText(std::string_view subject,
                                           std::string_view pattern,
                                           std::string_view substitution,
                                           size_t max_bytes);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_REGEX_H_

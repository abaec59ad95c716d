// FHIRPath text as tokens, cut where Medplum cuts it: numbers swallow a unit
// that follows, an unclosed string ends with the text, a name may contain `$`
// and `%`.

#ifndef PDP_FHIR_FHIRPATH_LEXER_H_
#define PDP_FHIR_FHIRPATH_LEXER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pdp::fhir::fhirpath {

enum class TokenKind {
  kString,
  kDateTime,  // Without the @.
  kQuantity,  // The number with its unit, as written.
  kNumber,
  kBoolean,
  kSymbol,  // Also operators that are words.
  kComment,
  kOperator,
};

struct Token {
  TokenKind kind = TokenKind::kOperator;
  std::string text;
  size_t offset = 0;  // In bytes.
};

enum class Dialect {
  kFhirPath,
  // The value of `_filter`: words go on to the next space or closing bracket,
  // and dates need no `@`.
  kFilter,
};

// InvalidArgument: `@` without a date; half a surrogate pair.
absl::StatusOr<std::vector<Token>> Tokenize(
    std::string_view text, Dialect dialect = Dialect::kFhirPath);

// "line 1, column 5", both from 1, for messages.
std::string DescribePosition(std::string_view text, size_t offset);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_LEXER_H_

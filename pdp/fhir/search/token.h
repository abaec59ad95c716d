// Tokens: the pairs of system and value that token parameters compare
// (semantics S-10).

#ifndef PDP_FHIR_SEARCH_TOKEN_H_
#define PDP_FHIR_SEARCH_TOKEN_H_

#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/search/criteria.h"

namespace pdp::fhir::search {

struct Token {
  std::string_view system;  // Empty: absent.
  std::string_view value;   // Empty: absent.
  // The text of a concept or of an identifier's type, or a coding's display.
  bool is_text = false;
};

// Calls `visit` for every token of `value` that has a system or a value: the
// text and the codings of a CodeableConcept, the display and the code of a
// Coding, the type's text and the value of an Identifier; of anything simpler
// its text.  The token's text is good during the call.
//
// InvalidArgument: an element that does not have the shape FHIR gives it.
absl::Status ForEachToken(const fhirpath::Value& value,
                          absl::FunctionRef<void(const Token&)> visit);

// One alternative of a filter as it is compared in memory: in lower case, and
// what follows a second `|` is lost.
TokenTest ToTokenTest(std::string_view alternative);

// The same for the database: trimmed, the case kept, and a second `|` is part
// of the value.
TokenTest ToDurableTokenTest(std::string_view alternative);

// Whether `token` passes `test` in memory.
bool PassesTest(const TokenTest& test, const Token& token);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_TOKEN_H_

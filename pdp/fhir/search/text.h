// Values as the texts that JavaScript and Medplum make of them (semantics
// S-10).

#ifndef PDP_FHIR_SEARCH_TEXT_H_
#define PDP_FHIR_SEARCH_TEXT_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/json.h"

namespace pdp::fhir::search {

// `number` as String(number): "5", "0.1", "1e+21".
std::string JavaScriptNumber(double number);

// `value` as String(value): "true", "5", "[object Object]"; empty for a value
// that is undefined.
std::string JavaScriptText(const fhirpath::Value& value);

// The text that string and uri parameters look into: a name as "Dr Ann Lee", an
// address as "1 Main St, Springfield, IL, 62701".  Empty where there is none.
//
// InvalidArgument: an element that does not have the shape FHIR gives it.
absl::StatusOr<std::string> DisplayText(const fhirpath::Value& value);

// The text of the member `name`; nothing where it is absent or empty.
//
// InvalidArgument: it is no string.
absl::StatusOr<std::optional<std::string_view>> TextMember(
    JsonElement parent, std::string_view name);

// The items of the array `name`; none where it is absent.
//
// InvalidArgument: it is no array.
absl::StatusOr<JsonArray> ArrayMember(JsonElement parent, std::string_view name,
                                      bool& present);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_TEXT_H_

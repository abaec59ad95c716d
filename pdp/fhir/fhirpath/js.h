// Values as JavaScript sees them.  Medplum evaluates FHIRPath over JavaScript
// values and inherits their truth, identity, conversions and number format.

#ifndef PDP_FHIR_FHIRPATH_JS_H_
#define PDP_FHIR_FHIRPATH_JS_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

// `typeof value === 'object'`, null excepted.  A primitive with an extension
// counts: JavaScript holds it in a wrapper object.
bool IsJsObject(const Value& value);
// A wrapper object.
bool IsBoxed(const Value& value);

// `typeof value` of a value that is in no wrapper.
bool IsBoolean(const Value& value);
bool IsNumber(const Value& value);
bool IsString(const Value& value);

// `value` without its extension: valueOf().
Value Unboxed(const Value& value);

// `!!value`.
bool IsTruthy(const Value& value);
bool IsTruthy(JsonElement element);

// `a === b`.
bool StrictlyEqual(const Value& a, const Value& b);
bool SameElement(JsonElement a, JsonElement b);

// Medplum's isEmpty: nothing, '', {} and [].
bool IsEmpty(const Value& value);

// An own property of an object, of no known type; nothing where absent.
std::optional<Value> Property(const Value& value, std::string_view name);

// The number of a quantity, in JSON or computed.
std::optional<double> QuantityNumber(const Value& value);
std::optional<double> JsonNumber(JsonElement element);

// String(value); "undefined" and "null" included.
// InvalidArgument for nested arrays.
absl::StatusOr<std::string> ToString(const Value& value);
std::string NumberToString(double number);

// Number(value).  InvalidArgument for what is read as another number format.
absl::StatusOr<double> ToNumber(const Value& value);

// A number of type integer or decimal, by its value.
Value NumberValue(double number);

// The "best guess" type that Medplum gives to JSON of no known type.
Value Guess(JsonElement element);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_JS_H_

#include "pdp/fhir/fhirpath/js.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "pdp/fhir/fhirpath/types.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

using Kind = Value::Kind;

constexpr double kMaxSafeInteger = 9007199254740991;

bool HasMembers(JsonElement element) {
  if (JsonObject object; element.get(object) == simdjson::SUCCESS) {
    return object.begin() != object.end();
  }
  if (JsonArray array; element.get(array) == simdjson::SUCCESS) {
    return array.begin() != array.end();
  }
  return false;
}

bool IsCodingJson(JsonElement element) {
  const std::optional<JsonElement> code = Member(element, "code");
  return code && code->is_string();
}

bool IsCodeableConceptJson(JsonElement element) {
  const std::optional<JsonElement> coding = Member(element, "coding");
  JsonArray array;
  if (!coding || coding->get(array) != simdjson::SUCCESS) return false;
  for (const JsonElement item : array) {
    if (!IsCodingJson(item)) return false;
  }
  return true;
}

std::optional<Value> TextProperty(std::string_view text) {
  if (text.data() == nullptr) return std::nullopt;
  return Value::String(text, Types().string);
}

}  // namespace

bool IsBoxed(const Value& value) {
  return value.extension() != nullptr && value.kind() != Kind::kObject;
}

bool IsJsObject(const Value& value) {
  switch (value.kind()) {
    case Kind::kObject:
    case Kind::kQuantity:
    case Kind::kStub:
    case Kind::kTypeInfo:
      return true;
    default:
      return value.extension() != nullptr;
  }
}

bool IsBoolean(const Value& value) {
  return value.kind() == Kind::kBoolean && !IsBoxed(value);
}
bool IsNumber(const Value& value) {
  return value.kind() == Kind::kNumber && !IsBoxed(value);
}
bool IsString(const Value& value) {
  return value.kind() == Kind::kString && !IsBoxed(value);
}

Value Unboxed(const Value& value) {
  Value plain = value;
  if (IsBoxed(value)) plain.set_extension(nullptr);
  return plain;
}

bool IsTruthy(const Value& value) {
  if (IsJsObject(value)) return true;
  switch (value.kind()) {
    case Kind::kBoolean:
      return value.boolean();
    case Kind::kNumber:
      return value.number() != 0 && !std::isnan(value.number());
    case Kind::kString:
      return !value.string().empty();
    default:
      return false;
  }
}

bool IsTruthy(JsonElement element) {
  return IsTruthy(Value::Of(element, TypeId::kUnknown));
}

bool SameElement(JsonElement a, JsonElement b) {
  // A document and a place in it.
  using Bits = std::array<uint64_t, sizeof(JsonElement) / sizeof(uint64_t)>;
  return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
}

bool StrictlyEqual(const Value& a, const Value& b) {
  if (a.extension() != nullptr || b.extension() != nullptr) {
    return a.extension() == b.extension();
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
      return a.is_null() == b.is_null();
    case Kind::kBoolean:
      return a.boolean() == b.boolean();
    case Kind::kNumber:
      return a.number() == b.number();
    case Kind::kString:
      return a.string() == b.string();
    case Kind::kObject:
      return SameElement(a.object(), b.object());
    case Kind::kQuantity:
      return &a.quantity() == &b.quantity();
    case Kind::kStub:
    case Kind::kTypeInfo:
      // Each is made anew and shares its path with its copies alone.
      return a.path() != nullptr && a.path() == b.path();
  }
  return false;
}

bool IsEmpty(const Value& value) {
  if (value.extension() != nullptr) {
    const bool has_text =
        value.kind() == Kind::kString && !value.string().empty();
    return !has_text && !HasMembers(value.extension()->members);
  }
  switch (value.kind()) {
    case Kind::kUndefined:
      return true;
    case Kind::kString:
      return value.string().empty();
    case Kind::kObject:
      return !HasMembers(value.object());
    default:
      return false;
  }
}

std::optional<Value> Property(const Value& value, std::string_view name) {
  if (value.kind() == Kind::kQuantity) {
    const Quantity& quantity = value.quantity();
    if (name == "value") {
      return Value::Number(quantity.value, Types().decimal);
    }
    if (quantity.has_base) {
      const std::optional<JsonElement> member = Member(quantity.base, name);
      if (!member) return std::nullopt;
      return Value::Of(*member, TypeId::kUnknown);
    }
    if (name == "unit") return TextProperty(quantity.unit);
    if (name == "code") return TextProperty(quantity.code);
    return std::nullopt;
  }
  if (value.kind() == Kind::kStub) {
    if (name == "resourceType") return TextProperty(value.stub_type());
    if (name == "id") return TextProperty(value.stub_id());
    return std::nullopt;
  }
  if (value.kind() == Kind::kTypeInfo) {
    if (name == "namespace") return TextProperty(value.type_namespace());
    if (name == "name") return TextProperty(value.type_name());
    return std::nullopt;
  }
  std::optional<JsonElement> member;
  if (value.extension() != nullptr) {
    member = Member(value.extension()->members, name);
  } else if (value.kind() == Kind::kObject) {
    member = Member(value.object(), name);
  }
  if (!member) return std::nullopt;
  return Value::Of(*member, TypeId::kUnknown);
}

std::optional<double> JsonNumber(JsonElement element) {
  switch (element.type()) {
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
      return element.get_double().value_unsafe();
    default:
      return std::nullopt;
  }
}

std::optional<double> QuantityNumber(const Value& value) {
  if (value.kind() == Kind::kQuantity) return value.quantity().value;
  if (!IsJsObject(value)) return std::nullopt;
  const std::optional<Value> number = Property(value, "value");
  if (!number || !IsNumber(*number)) return std::nullopt;
  return number->number();
}

absl::StatusOr<std::string> ToString(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return std::string(value.is_null() ? "null" : "undefined");
    case Kind::kBoolean:
      return std::string(value.boolean() ? "true" : "false");
    case Kind::kNumber:
      return NumberToString(value.number());
    case Kind::kString:
      return std::string(value.string());
    case Kind::kObject:
      if (value.object().is_array()) {
        return absl::InvalidArgumentError("FHIRPath: an array within an array");
      }
      break;
    default:
      break;
  }
  return std::string("[object Object]");
}

std::string NumberToString(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  if (number == 0) return "0";
  char buffer[32];
  const auto result =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(number),
                    std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(result.ptr - buffer));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  std::string_view exponent_text = text.substr(e + 1);
  if (exponent_text[0] == '+') exponent_text.remove_prefix(1);
  std::from_chars(exponent_text.data(),
                  exponent_text.data() + exponent_text.size(), exponent);
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // Digits before the decimal point.
  std::string out = number < 0 ? "-" : "";
  if (point > 0 && point <= 21) {
    if (count <= point) {
      out += digits + std::string(static_cast<size_t>(point - count), '0');
    } else {
      out += digits.substr(0, static_cast<size_t>(point)) + "." +
             digits.substr(static_cast<size_t>(point));
    }
  } else if (point <= 0 && point > -6) {
    out += "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent));
  }
  return out;
}

absl::StatusOr<double> ToNumber(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return value.is_null() ? 0 : std::numeric_limits<double>::quiet_NaN();
    case Kind::kBoolean:
      return value.boolean() ? 1 : 0;
    case Kind::kNumber:
      return value.number();
    case Kind::kString:
      break;
    default:
      if (value.kind() == Kind::kObject && value.object().is_array()) {
        return absl::InvalidArgumentError("FHIRPath: an array within an array");
      }
      return std::numeric_limits<double>::quiet_NaN();
  }
  std::string_view text = TrimJsSpace(value.string());
  if (text.empty()) return 0;
  bool negative = false;
  if (text[0] == '+' || text[0] == '-') {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "Infinity") {
    return negative ? -std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::infinity();
  }
  if (text.size() > 1 && text[0] == '0' &&
      std::string_view("xXoObB").find(text[1]) != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "FHIRPath: a number in a text that is not decimal");
  }
  const bool begins_well =
      !text.empty() && ((text[0] >= '0' && text[0] <= '9') || text[0] == '.');
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (!begins_well || end != text.data() + text.size() ||
      error == std::errc::invalid_argument) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (error == std::errc::result_out_of_range) {
    return absl::InvalidArgumentError("FHIRPath: a number out of range");
  }
  return negative ? -number : number;
}

Value NumberValue(double number) {
  const bool is_integer = std::isfinite(number) &&
                          std::trunc(number) == number &&
                          std::abs(number) <= kMaxSafeInteger;
  return Value::Number(number, is_integer ? Types().integer : Types().decimal);
}

Value Guess(JsonElement element) {
  const Value value = Value::Of(element, Types().string);
  switch (value.kind()) {
    case Kind::kUndefined:
      return Value();
    case Kind::kNumber:
      return NumberValue(value.number());
    case Kind::kBoolean:
      return Value::Boolean(value.boolean(), Types().boolean);
    case Kind::kString:
      return value;
    default:
      break;
  }
  TypeId type = Types().backbone_element;
  if (QuantityNumber(value)) {
    type = Types().quantity;
  } else if (const auto resource_type = Member(element, "resourceType")) {
    type = FindType(AsString(*resource_type).value_or(std::string_view()));
  } else if (IsCodeableConceptJson(element)) {
    type = Types().codeable_concept;
  } else if (IsCodingJson(element)) {
    type = Types().coding;
  }
  return Value::Object(element, type);
}

}  // namespace pdp::fhir::fhirpath

#include "pdp/fhir/search/text.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/schema.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Value;

absl::Status Malformed(std::string_view name) {
  return absl::InvalidArgumentError(
      StrCat("the element `", name, "` has the wrong shape"));
}

void Append(std::string_view part, std::string_view separator,
            std::string& text) {
  if (part.empty()) return;
  if (!text.empty()) text += separator;
  text += part;
}

// Appends the strings of the array `name`.
absl::Status AppendAll(JsonElement parent, std::string_view name,
                       std::string_view separator, std::string& text) {
  bool present = false;
  PDP_ASSIGN_OR_RETURN(const JsonArray items,
                       ArrayMember(parent, name, present));
  if (!present) return absl::OkStatus();
  for (const JsonElement item : items) {
    if (item.is_null()) continue;
    const std::optional<std::string_view> part = AsString(item);
    if (!part) return Malformed(name);
    Append(*part, separator, text);
  }
  return absl::OkStatus();
}

absl::Status AppendMember(JsonElement parent, std::string_view name,
                          std::string_view separator, std::string& text) {
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> part,
                       TextMember(parent, name));
  Append(part.value_or(""), separator, text);
  return absl::OkStatus();
}

absl::StatusOr<std::string> NameText(JsonElement name) {
  std::string text;
  PDP_RETURN_IF_ERROR(AppendAll(name, "prefix", " ", text));
  PDP_RETURN_IF_ERROR(AppendAll(name, "given", " ", text));
  PDP_RETURN_IF_ERROR(AppendMember(name, "family", " ", text));
  PDP_RETURN_IF_ERROR(AppendAll(name, "suffix", " ", text));
  if (text.empty()) {
    PDP_RETURN_IF_ERROR(AppendMember(name, "text", " ", text));
  }
  return std::string(TrimWhitespace(text));
}

absl::StatusOr<std::string> AddressText(JsonElement address) {
  std::string text;
  PDP_RETURN_IF_ERROR(AppendAll(address, "line", ", ", text));
  for (const std::string_view name : {"city", "state", "postalCode"}) {
    PDP_RETURN_IF_ERROR(AppendMember(address, name, ", ", text));
  }
  return std::string(TrimWhitespace(text));
}

absl::StatusOr<std::string> CodingText(JsonElement coding) {
  std::string text;
  PDP_RETURN_IF_ERROR(AppendMember(coding, "display", "", text));
  if (text.empty()) {
    PDP_RETURN_IF_ERROR(AppendMember(coding, "code", "", text));
  }
  return text;
}

absl::StatusOr<std::string> ConceptText(JsonElement concept_element) {
  std::string text;
  PDP_RETURN_IF_ERROR(AppendMember(concept_element, "text", "", text));
  if (!text.empty()) return text;
  bool present = false;
  PDP_ASSIGN_OR_RETURN(const JsonArray codings,
                       ArrayMember(concept_element, "coding", present));
  if (!present) return text;
  for (const JsonElement coding : codings) {
    PDP_ASSIGN_OR_RETURN(const std::string part, CodingText(coding));
    Append(part, ", ", text);
  }
  return text;
}

absl::StatusOr<std::string> QuantityText(JsonElement quantity) {
  std::string text;
  PDP_RETURN_IF_ERROR(AppendMember(quantity, "comparator", "", text));
  if (const std::optional<JsonElement> value = Member(quantity, "value")) {
    double number = 0;
    if (value->get(number) != simdjson::SUCCESS) return Malformed("value");
    Append(JavaScriptNumber(number), " ", text);
  }
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> unit,
                       TextMember(quantity, "unit"));
  if (unit) Append(*unit, *unit == "%" ? "" : " ", text);
  return text;
}

absl::StatusOr<std::string> ReferenceText(JsonElement reference) {
  std::string text;
  PDP_RETURN_IF_ERROR(AppendMember(reference, "display", "", text));
  if (text.empty()) {
    PDP_RETURN_IF_ERROR(AppendMember(reference, "reference", "", text));
  }
  return text.empty() ? ToJson(reference) : text;
}

using Format = absl::StatusOr<std::string> (*)(JsonElement);

// How values of this type are shown, or null for JavaScriptText.
Format FormatOf(TypeId type) {
  struct Entry {
    TypeId type;
    Format format;
  };
  static const Entry kFormats[] = {
      {FindType("HumanName"), NameText},
      {FindType("Address"), AddressText},
      {FindType("CodeableConcept"), ConceptText},
      {FindType("Coding"), CodingText},
      {FindType("Quantity"), QuantityText},
      {FindType("Reference"), ReferenceText},
      {FindType("ContactPoint"),
       [](JsonElement point) -> absl::StatusOr<std::string> {
         std::string text;
         PDP_RETURN_IF_ERROR(AppendMember(point, "value", "", text));
         return text;
       }},
  };
  for (const Entry& entry : kFormats) {
    if (entry.type == type) return entry.format;
  }
  return nullptr;
}

}  // namespace

std::string JavaScriptNumber(double number) {
  if (number == 0) return "0";  // Of either sign.
  char buffer[32];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(number),
                    std::chars_format::scientific);
  if (error != std::errc() || !std::isfinite(number)) return "NaN";
  // d.ddde+xx, the fewest digits that tell the number from its neighbors.
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const int count = static_cast<int>(digits.size());
  // The number is 0.DIGITS times ten to this power.
  const int point = std::atoi(std::string(text.substr(e + 1)).c_str()) + 1;

  std::string out = number < 0 ? "-" : "";
  if (count <= point && point <= 21) {
    out += digits + std::string(static_cast<size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out += digits.substr(0, static_cast<size_t>(point)) + "." +
           digits.substr(static_cast<size_t>(point));
  } else if (-6 < point && point <= 0) {
    out += "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else {
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    const int exponent = point - 1;
    out += StrCat(exponent < 0 ? "e-" : "e+", std::abs(exponent));
  }
  return out;
}

std::string JavaScriptText(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return "";
    case Value::Kind::kBoolean:
      return value.boolean() ? "true" : "false";
    case Value::Kind::kNumber:
      return JavaScriptNumber(value.number());
    case Value::Kind::kString:
      return std::string(value.string());
    case Value::Kind::kObject:
    case Value::Kind::kQuantity:
    case Value::Kind::kStub:
    case Value::Kind::kTypeInfo:
      return "[object Object]";
  }
  return "";
}

absl::StatusOr<std::string> DisplayText(const Value& value) {
  const Format format = FormatOf(value.type());
  if (format == nullptr) return JavaScriptText(value);
  if (value.kind() == Value::Kind::kObject) return format(value.object());
  if (value.kind() == Value::Kind::kUndefined) return std::string();
  return absl::InvalidArgumentError(
      StrCat("a ", TypeName(value.type()), " is no JSON object"));
}

absl::StatusOr<std::optional<std::string_view>> TextMember(
    JsonElement parent, std::string_view name) {
  const std::optional<JsonElement> member = Member(parent, name);
  if (!member || member->is_null()) return std::nullopt;
  const std::optional<std::string_view> text = AsString(*member);
  if (!text) return Malformed(name);
  if (text->empty()) return std::nullopt;
  return text;
}

absl::StatusOr<JsonArray> ArrayMember(JsonElement parent, std::string_view name,
                                      bool& present) {
  JsonArray items;
  const std::optional<JsonElement> member = Member(parent, name);
  present = member && !member->is_null();
  if (present && member->get(items) != simdjson::SUCCESS) {
    return Malformed(name);
  }
  return items;
}

}  // namespace pdp::fhir::search

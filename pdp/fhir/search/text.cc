#include "pdp/fhir/search/text.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>

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

// Joins parts as Array.prototype.join does: empty ones count.
class Joiner {
 public:
  explicit Joiner(std::string_view separator) : separator_(separator) {}

  bool has_parts() const { return has_parts_; }

  void Add(std::string_view part) {
    if (has_parts_) text_ += separator_;
    has_parts_ = true;
    text_ += part;
  }

  std::string Text() && { return std::move(text_); }
  std::string TrimmedText() const { return std::string(TrimWhitespace(text_)); }

 private:
  std::string_view separator_;
  std::string text_;
  bool has_parts_ = false;
};

// Adds the strings of the array `name`; null is an empty one.
absl::Status AddItems(JsonElement parent, std::string_view name,
                      Joiner& joiner) {
  bool present = false;
  PDP_ASSIGN_OR_RETURN(const JsonArray items,
                       ArrayMember(parent, name, present));
  if (!present) return absl::OkStatus();
  for (const JsonElement item : items) {
    const std::optional<std::string_view> part = AsString(item);
    if (!part && !item.is_null()) return Malformed(name);
    joiner.Add(part.value_or(""));
  }
  return absl::OkStatus();
}

// Adds the member `name` unless it is absent or empty.
absl::Status AddMember(JsonElement parent, std::string_view name,
                       Joiner& joiner) {
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> part,
                       TextMember(parent, name));
  if (part) joiner.Add(*part);
  return absl::OkStatus();
}

// The first of the members `first` and `second` that is not empty.
absl::StatusOr<std::string> EitherMember(JsonElement parent,
                                         std::string_view first,
                                         std::string_view second) {
  for (const std::string_view name : {first, second}) {
    PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> text,
                         TextMember(parent, name));
    if (text) return std::string(*text);
  }
  return std::string();
}

absl::StatusOr<std::string> NameText(JsonElement name) {
  Joiner joiner(" ");
  PDP_RETURN_IF_ERROR(AddItems(name, "prefix", joiner));
  PDP_RETURN_IF_ERROR(AddItems(name, "given", joiner));
  PDP_RETURN_IF_ERROR(AddMember(name, "family", joiner));
  PDP_RETURN_IF_ERROR(AddItems(name, "suffix", joiner));
  if (joiner.has_parts()) return joiner.TrimmedText();
  PDP_RETURN_IF_ERROR(AddMember(name, "text", joiner));
  return std::move(joiner).Text();
}

absl::StatusOr<std::string> AddressText(JsonElement address) {
  Joiner joiner(", ");
  PDP_RETURN_IF_ERROR(AddItems(address, "line", joiner));
  for (const std::string_view name : {"city", "state", "postalCode"}) {
    PDP_RETURN_IF_ERROR(AddMember(address, name, joiner));
  }
  return joiner.TrimmedText();
}

absl::StatusOr<std::string> CodingText(JsonElement coding) {
  if (coding.is_null()) return std::string();
  return EitherMember(coding, "display", "code");
}

absl::StatusOr<std::string> ConceptText(JsonElement element) {
  Joiner joiner(", ");
  PDP_RETURN_IF_ERROR(AddMember(element, "text", joiner));
  if (joiner.has_parts()) return std::move(joiner).Text();
  bool present = false;
  PDP_ASSIGN_OR_RETURN(const JsonArray codings,
                       ArrayMember(element, "coding", present));
  if (!present) return std::string();
  for (const JsonElement coding : codings) {
    PDP_ASSIGN_OR_RETURN(const std::string part, CodingText(coding));
    joiner.Add(part);
  }
  return std::move(joiner).Text();
}

absl::StatusOr<std::string> QuantityText(JsonElement quantity) {
  Joiner joiner(" ");
  PDP_RETURN_IF_ERROR(AddMember(quantity, "comparator", joiner));
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> unit,
                       TextMember(quantity, "unit"));
  const std::optional<JsonElement> value = Member(quantity, "value");
  if (!value || value->is_null()) {
    if (unit) joiner.Add(*unit);
    return std::move(joiner).Text();
  }
  double number = 0;
  if (value->get(number) != simdjson::SUCCESS) return Malformed("value");
  const std::string text = JavaScriptNumber(number);
  if (unit == "%") {
    joiner.Add(text + "%");
  } else {
    joiner.Add(text);
    if (unit) joiner.Add(*unit);
  }
  return std::move(joiner).Text();
}

absl::StatusOr<std::string> ReferenceText(JsonElement reference) {
  for (const std::string_view name : {"display", "reference"}) {
    const std::optional<JsonElement> member = Member(reference, name);
    if (!member || member->is_null()) continue;
    const std::optional<std::string_view> text = AsString(*member);
    if (!text) return Malformed(name);
    return std::string(*text);
  }
  return ToJson(reference);
}

absl::StatusOr<std::string> ContactPointText(JsonElement point) {
  return EitherMember(point, "value", "value");
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
      {FindType("ContactPoint"), ContactPointText},
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

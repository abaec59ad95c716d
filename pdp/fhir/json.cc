#include "pdp/fhir/json.h"

namespace pdp::fhir {

std::optional<JsonElement> Member(JsonElement parent, std::string_view name) {
  JsonObject object;
  if (parent.get(object) != simdjson::SUCCESS) return std::nullopt;
  JsonElement member;
  if (object.at_key(name).get(member) != simdjson::SUCCESS) return std::nullopt;
  return member;
}

std::optional<std::string_view> AsString(JsonElement element) {
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::string_view StringMember(JsonElement parent, std::string_view name) {
  const std::optional<JsonElement> member = Member(parent, name);
  if (!member) return {};
  return AsString(*member).value_or(std::string_view());
}

std::optional<bool> BoolMember(JsonElement parent, std::string_view name) {
  const std::optional<JsonElement> member = Member(parent, name);
  bool value = false;
  if (!member || member->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::string ToJson(JsonElement element) { return simdjson::minify(element); }

std::string QuoteJson(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[c & 0xf];
        } else {
          out += c;
        }
    }
  }
  out += '"';
  return out;
}

}  // namespace pdp::fhir

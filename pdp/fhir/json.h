// The few ways in which this program looks into JSON.  JSON itself is
// simdjson's.

#ifndef PDP_FHIR_JSON_H_
#define PDP_FHIR_JSON_H_

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

namespace pdp::fhir {

using JsonElement = simdjson::dom::element;
using JsonObject = simdjson::dom::object;
using JsonArray = simdjson::dom::array;

// The member `name` of `parent`, or nothing where `parent` is no object or has
// no such member.
std::optional<JsonElement> Member(JsonElement parent, std::string_view name);

// The member `name` where it is a string; empty where it is not.
std::string_view StringMember(JsonElement parent, std::string_view name);

// The text of `element` where it is a string.
std::optional<std::string_view> AsString(JsonElement element);

// The member `name` where it is a boolean.
std::optional<bool> BoolMember(JsonElement parent, std::string_view name);

// The items of the member `name`: of an array, each; of anything else, itself;
// of an absent member, none.
template <typename Visitor>
void ForEachItem(JsonElement parent, std::string_view name, Visitor&& visit) {
  const std::optional<JsonElement> member = Member(parent, name);
  if (!member) return;
  if (JsonArray array; member->get(array) == simdjson::SUCCESS) {
    for (const JsonElement item : array) visit(item);
    return;
  }
  visit(*member);
}

// `element` as compact JSON text.
std::string ToJson(JsonElement element);

// `text` as a JSON string literal, quotes included.
std::string QuoteJson(std::string_view text);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_JSON_H_

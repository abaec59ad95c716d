#include "pdp/fhir/json_edit.h"

#include <algorithm>

#include "pdp/base/strings.h"

namespace pdp::fhir {
namespace {

// null, "", {} and [], and objects and arrays of nothing else.
bool IsEmpty(JsonElement element) {
  switch (element.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      return true;
    case simdjson::dom::element_type::STRING:
      return AsString(element)->empty();
    case simdjson::dom::element_type::ARRAY: {
      JsonArray array;
      if (element.get(array) != simdjson::SUCCESS) return false;
      return std::all_of(array.begin(), array.end(), IsEmpty);
    }
    case simdjson::dom::element_type::OBJECT: {
      JsonObject object;
      if (element.get(object) != simdjson::SUCCESS) return false;
      return std::all_of(object.begin(), object.end(), [](const auto& field) {
        return IsEmpty(field.value);
      });
    }
    default:
      return false;
  }
}

bool IsIgnored(std::string_view name, bool in_meta) {
  return in_meta &&
         (name == "versionId" || name == "lastUpdated" || name == "author");
}

bool IsSame(JsonElement a, JsonElement b, bool in_meta);

// Every member of `a` that counts is in `b` too, and the same.
bool IsCoveredBy(JsonObject a, JsonElement b, bool in_meta) {
  for (const auto field : a) {
    if (IsIgnored(field.key, in_meta) || IsEmpty(field.value)) continue;
    const auto other = Member(b, field.key);
    if (!other || !IsSame(field.value, *other, field.key == "meta")) {
      return false;
    }
  }
  return true;
}

bool IsSameObject(JsonElement a, JsonElement b, bool in_meta) {
  JsonObject object_a;
  JsonObject object_b;
  if (a.get(object_a) != simdjson::SUCCESS ||
      b.get(object_b) != simdjson::SUCCESS) {
    return false;
  }
  return IsCoveredBy(object_a, b, in_meta) && IsCoveredBy(object_b, a, in_meta);
}

bool IsSameArray(JsonElement a, JsonElement b) {
  JsonArray array_a;
  JsonArray array_b;
  if (a.get(array_a) != simdjson::SUCCESS ||
      b.get(array_b) != simdjson::SUCCESS || array_a.size() != array_b.size()) {
    return false;
  }
  auto other = array_b.begin();
  for (const JsonElement item : array_a) {
    if (!IsSame(item, *other, false)) return false;
    ++other;
  }
  return true;
}

bool IsSame(JsonElement a, JsonElement b, bool in_meta) {
  if (IsEmpty(a) && IsEmpty(b)) return true;
  if (a.is_object()) return IsSameObject(a, b, in_meta);
  if (a.is_array()) return IsSameArray(a, b);
  if (a.is_number() && b.is_number()) {
    return a.get_double().value_unsafe() == b.get_double().value_unsafe();
  }
  if (a.type() != b.type()) return false;
  if (a.is_string()) return AsString(a) == AsString(b);
  if (a.is_bool()) {
    return a.get_bool().value_unsafe() == b.get_bool().value_unsafe();
  }
  return false;
}

}  // namespace

std::string EditObject(JsonElement object,
                       const std::vector<MemberEdit>& edits) {
  std::string out = "{";
  const auto append = [&out](std::string_view name, std::string_view json) {
    if (out.size() > 1) out += ',';
    out += QuoteJson(name);
    out += ':';
    out += json;
  };
  std::vector<bool> done(edits.size(), false);
  JsonObject members;
  if (object.get(members) == simdjson::SUCCESS) {
    for (const auto field : members) {
      const auto edit = std::find_if(
          edits.begin(), edits.end(),
          [&](const MemberEdit& e) { return e.name == field.key; });
      if (edit == edits.end()) {
        append(field.key, ToJson(field.value));
        continue;
      }
      done[static_cast<size_t>(edit - edits.begin())] = true;
      if (!edit->json.empty()) append(field.key, edit->json);
    }
  }
  for (size_t i = 0; i < edits.size(); ++i) {
    if (!done[i] && !edits[i].json.empty()) {
      append(edits[i].name, edits[i].json);
    }
  }
  out += '}';
  return out;
}

std::string ReferencesJson(const std::vector<std::string>& references) {
  std::string out = "[";
  for (const std::string& reference : references) {
    if (out.size() > 1) out += ',';
    out += StrCat("{\"reference\":", QuoteJson(reference), "}");
  }
  out += ']';
  return out;
}

bool IsSameContent(JsonElement a, JsonElement b) {
  return IsSameObject(a, b, /*in_meta=*/false);
}

}  // namespace pdp::fhir

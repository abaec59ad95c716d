#include "clients/pdpctl/json_difference.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_replace.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

using fhir::JsonArray;
using fhir::JsonElement;
using fhir::JsonObject;

// At most this much of a value is shown.
constexpr size_t kMaxShown = 160;

std::string Show(JsonElement element) {
  std::string text = fhir::ToJson(element);
  if (text.size() > kMaxShown) {
    text.resize(kMaxShown);
    text += "...";
  }
  return text;
}

class Comparison {
 public:
  explicit Comparison(const DifferenceOptions& options) : options_(options) {}

  std::optional<Difference> Compare(const std::string& path,
                                    JsonElement expected, JsonElement got) {
    if (expected.is_object() && got.is_object()) {
      return CompareObjects(path, expected, got);
    }
    if (expected.is_array() && got.is_array()) {
      return CompareArrays(path, expected, got);
    }
    if (IsSameScalar(expected, got)) return std::nullopt;
    return Differ(path, expected, got);
  }

 private:
  static Difference Differ(const std::string& path, JsonElement expected,
                           JsonElement got) {
    return {
        StrCat("`", path, "`: expected ", Show(expected), ", got ", Show(got))};
  }

  // Whether what stands at `path` counts as nothing.
  bool IsAbsent(const std::string& path, JsonElement element) const {
    if (!options_.empty_is_absent) return false;
    if (element.is_null()) return true;
    if (element.is_string()) return fhir::AsString(element)->empty();
    if (JsonArray array; element.get(array) == simdjson::SUCCESS) {
      return std::all_of(array.begin(), array.end(), [&](JsonElement item) {
        return IsAbsent(path, item);
      });
    }
    if (JsonObject object; element.get(object) == simdjson::SUCCESS) {
      return std::all_of(object.begin(), object.end(), [&](const auto& field) {
        const std::string inner = Join(path, field.key);
        return Contains(options_.ignored, inner) ||
               IsAbsent(inner, field.value);
      });
    }
    return false;
  }

  static bool Contains(std::span<const std::string_view> paths,
                       std::string_view path) {
    return std::find(paths.begin(), paths.end(), path) != paths.end();
  }

  bool IsSameScalar(JsonElement expected, JsonElement got) const {
    if (expected.is_number() && got.is_number()) {
      return expected.get_double().value_unsafe() ==
             got.get_double().value_unsafe();
    }
    if (expected.type() != got.type()) return false;
    if (expected.is_bool()) {
      return expected.get_bool().value_unsafe() ==
             got.get_bool().value_unsafe();
    }
    if (!expected.is_string()) return expected.is_null();
    const std::string_view a = *fhir::AsString(expected);
    const std::string_view b = *fhir::AsString(got);
    if (a == b) return true;
    return !options_.expected_id.empty() && !options_.got_id.empty() &&
           absl::StrReplaceAll(ToAbsl(a), {{ToAbsl(options_.expected_id),
                                            ToAbsl(options_.got_id)}}) ==
               ToAbsl(b);
  }

  std::optional<Difference> CompareObjects(const std::string& path,
                                           JsonElement expected,
                                           JsonElement got) {
    JsonObject object;
    if (expected.get(object) == simdjson::SUCCESS) {
      for (const auto field : object) {
        const std::string inner = Join(path, field.key);
        if (Contains(options_.ignored, inner) || IsAbsent(inner, field.value))
          continue;
        const auto other = fhir::Member(got, field.key);
        if (!other || IsAbsent(inner, *other)) {
          return Difference{StrCat("`", inner, "`: expected ",
                                   Show(field.value), ", got nothing")};
        }
        if (Contains(options_.any_value, inner)) continue;
        if (auto found = Compare(inner, field.value, *other)) return found;
      }
    }
    if (got.get(object) == simdjson::SUCCESS) {
      for (const auto field : object) {
        const std::string inner = Join(path, field.key);
        if (Contains(options_.ignored, inner) || IsAbsent(inner, field.value))
          continue;
        const auto other = fhir::Member(expected, field.key);
        if (!other || IsAbsent(inner, *other)) {
          return Difference{StrCat("`", inner, "`: expected nothing, got ",
                                   Show(field.value)),
                            /*is_surplus=*/true};
        }
      }
    }
    return std::nullopt;
  }

  std::optional<Difference> CompareArrays(const std::string& path,
                                          JsonElement expected,
                                          JsonElement got) {
    std::vector<JsonElement> items = Items(expected);
    std::vector<JsonElement> others = Items(got);
    if (items.size() != others.size()) {
      return Differ(path, expected, got);
    }
    if (Contains(options_.unordered, path)) {
      for (const JsonElement item : items) {
        const auto same = std::find_if(
            others.begin(), others.end(),
            [&](JsonElement other) { return !Compare(path, item, other); });
        if (same == others.end()) {
          return Differ(path, expected, got);
        }
        others.erase(same);
      }
      return std::nullopt;
    }
    for (size_t i = 0; i < items.size(); ++i) {
      auto found = Compare(StrCat(path, "[", i, "]"), items[i], others[i]);
      if (found) return found;
    }
    return std::nullopt;
  }

  static std::vector<JsonElement> Items(JsonElement array) {
    std::vector<JsonElement> items;
    JsonArray list;
    if (array.get(list) == simdjson::SUCCESS) {
      items.assign(list.begin(), list.end());
    }
    return items;
  }

  static std::string Join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : StrCat(path, ".", name);
  }

  const DifferenceOptions& options_;
};

}  // namespace

std::optional<Difference> FindDifference(JsonElement expected, JsonElement got,
                                         const DifferenceOptions& options) {
  return Comparison(options).Compare("", expected, got);
}

}  // namespace pdp::ctl

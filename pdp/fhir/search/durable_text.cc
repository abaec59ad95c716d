#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/text.h"
#include "pdp/fhir/search/token.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;

// Longer texts are cut before they are stored.
constexpr size_t kMaxStoredBytes = 2048;

std::string AsciiLower(std::string_view text) {
  std::string lowered(text);
  absl::AsciiStrToLower(&lowered);
  return lowered;
}

template <typename Compare>
Truth CompareIgnoringCase(std::string_view text, std::string_view wanted,
                          Compare compare) {
  const std::string lowered = ToLower(wanted);
  const bool everywhere = compare(ToLower(text), lowered);
  // The pattern is lowered by JavaScript, the column by the database.
  return everywhere == compare(AsciiLower(text), lowered) ? ToTruth(everywhere)
                                                          : Truth::kUnknown;
}

// Calls `visit` for every text of the column.  False where it is not known what
// the column holds.
template <typename Visit>
bool ForEachStored(const Filter& filter, const Collection& values,
                   Visit visit) {
  const bool is_token = filter.parameter->type == ParameterType::kToken;
  bool known = true;
  const auto store = [&](std::string_view text) {
    if (text.size() > kMaxStoredBytes) known = false;
    if (!text.empty()) visit(text);
  };
  for (const Value& value : values) {
    if (is_token) {
      known = ForEachToken(value,
                           [&store](const Token& token) { store(token.value); })
                  .ok() &&
              known;
    } else if (value.kind() == Value::Kind::kString) {
      store(value.string());
    }
  }
  return known;
}

DurableResult NotKnown(const Filter& filter) {
  return DurableUnknown(
      StrCat("what is stored for `", filter.code, "` is not known"));
}

}  // namespace

Truth ContainsIgnoringCase(std::string_view text, std::string_view wanted) {
  return CompareIgnoringCase(text, wanted,
                             [](std::string_view a, std::string_view b) {
                               return a.find(b) != std::string_view::npos;
                             });
}

Truth StartsWithIgnoringCase(std::string_view text, std::string_view wanted) {
  return CompareIgnoringCase(
      text, wanted,
      [](std::string_view a, std::string_view b) { return a.starts_with(b); });
}

DurableResult CheckBoolean(const Filter& filter) {
  if (filter.op == Operator::kIn || filter.op == Operator::kNotIn) {
    return WrongModifier(filter);
  }
  // The whole value: a list is none of the two.
  if (filter.value != "true" && filter.value != "false") {
    return DurableError(
        StrCat("the value of `", filter.code, "` is neither true nor false"));
  }
  return DurableSound();
}

DurableResult MatchBoolean(const Filter& filter, const Collection& values) {
  if (values.empty() || values[0].kind() == Value::Kind::kUndefined) {
    return IsNegated(filter) ? DurableAnswer(true) : DurableNull();
  }
  const bool equal =
      (JavaScriptText(values[0]) == "true") == (filter.value == "true");
  return DurableAnswer(equal != IsNegated(filter));
}

DurableResult MatchText(const Filter& filter, const DurableColumn& column,
                        const Collection& values) {
  bool present = false;
  bool found = false;
  const bool is_known =
      ForEachStored(filter, values, [&](std::string_view text) {
        if (present && !column.is_array) return;  // One value has room.
        present = true;
        found = found || std::ranges::find(filter.alternatives, text) !=
                             filter.alternatives.end();
      });
  if (!is_known) return NotKnown(filter);
  if (present) return DurableAnswer(found != IsNegated(filter));
  // A list of alternatives that is negated has no answer for no value.
  const bool has_answer = column.is_array || filter.alternatives.size() == 1;
  if (IsNegated(filter) && has_answer) return DurableAnswer(true);
  return column.is_array ? DurableAnswer(false) : DurableNull();
}

std::optional<bool> HasText(const Filter& filter, const Collection& values) {
  bool present = false;
  const bool is_known = ForEachStored(
      filter, values, [&present](std::string_view) { present = true; });
  if (!is_known) return std::nullopt;
  return present;
}

DurableResult CheckString(const Filter& filter) {
  switch (filter.op) {
    case Operator::kEquals:
    case Operator::kStartsWith:
    case Operator::kExact:
    case Operator::kContains:
      return DurableSound();
    default:
      return WrongModifier(filter);
  }
}

DurableResult MatchString(const Filter& filter, const DurableColumn& column,
                          const Collection& values) {
  bool present = false;
  bool unknown = false;
  for (const Value& value : values) {
    const absl::StatusOr<std::string> text = DisplayText(value);
    if (!text.ok() || text->size() > kMaxStoredBytes) return NotKnown(filter);
    if (text->empty()) continue;
    present = true;
    for (const std::string& alternative : filter.alternatives) {
      const Truth truth = filter.op == Operator::kExact
                              ? ToTruth(*text == alternative)
                          : filter.op == Operator::kContains
                              ? ContainsIgnoringCase(*text, alternative)
                              : StartsWithIgnoringCase(*text, alternative);
      if (truth == Truth::kYes) return DurableAnswer(true);
      unknown = unknown || truth == Truth::kUnknown;
    }
    if (!column.is_array) break;
  }
  if (unknown) {
    return DurableUnknown(StrCat("`", filter.code,
                                 "` has letters that the database may lower "
                                 "in another way"));
  }
  return present || column.is_array ? DurableAnswer(false) : DurableNull();
}

std::optional<bool> HasString(const Collection& values) {
  for (const Value& value : values) {
    const absl::StatusOr<std::string> text = DisplayText(value);
    if (!text.ok()) return std::nullopt;
    if (!text->empty()) return true;
  }
  return false;
}

}  // namespace pdp::fhir::search

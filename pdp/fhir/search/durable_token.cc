#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "pdp/base/unicode.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/text.h"
#include "pdp/fhir/search/token.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;

bool IsLower(const DurableColumn& column) {
  return column.kind == DurableColumn::Kind::kLowerTokens;
}

// A token as it is stored.
struct StoredToken {
  std::string_view system;
  std::string_view value;
  bool is_text = false;
};

// Calls `visit` for every token of the row.  False where an element does not
// have the shape FHIR gives it.
template <typename Visit>
bool ForEachStored(const DurableColumn& column, const Collection& values,
                   Visit visit) {
  for (const Value& value : values) {
    const absl::Status status = ForEachToken(value, [&](const Token& token) {
      StoredToken stored{TrimWhitespace(token.system),
                         TrimWhitespace(token.value), token.is_text};
      std::string lowered;
      if (IsLower(column)) stored.value = lowered = ToLower(stored.value);
      if (!stored.system.empty() || !stored.value.empty()) visit(stored);
    });
    if (!status.ok()) return false;
  }
  return true;
}

bool Passes(const TokenTest& test, const StoredToken& token, bool is_lower) {
  const auto value_equals = [&] {
    if (token.value.empty()) return false;
    return is_lower ? token.value == ToLower(test.value)
                    : token.value == test.value;
  };
  if (!test.has_bar) return value_equals();
  if (test.system.empty()) {
    // Texts and displays are kept as though they had a system of their own.
    return token.system.empty() && !token.is_text && value_equals();
  }
  return token.system == test.system && (test.value.empty() || value_equals());
}

// `:text` and `:contains`: any part of a text, a display, or the value of a
// contact point.
DurableResult MatchTexts(const Filter& filter, const DurableColumn& column,
                         const Collection& values) {
  const DurableResult unknown = DurableUnknown(
      StrCat("how the texts of `", filter.code, "` are found is not known"));
  bool found = false;
  // A Subscription's contact is not indexed for texts.
  bool doubtful = IsLower(column) && filter.code == "contact";
  for (const std::string& alternative : filter.alternatives) {
    doubtful = doubtful || TrimWhitespace(alternative).empty();
  }
  const bool is_known =
      ForEachStored(column, values, [&](const StoredToken& token) {
        if (token.value.empty()) return;
        if (!token.is_text && !IsLower(column)) return;
        for (const std::string& alternative : filter.alternatives) {
          const Truth truth =
              ContainsIgnoringCase(token.value, TrimWhitespace(alternative));
          found = found || truth == Truth::kYes;
          doubtful = doubtful || truth == Truth::kUnknown;
        }
      });
  return is_known && !doubtful ? DurableAnswer(found) : unknown;
}

}  // namespace

DurableResult CheckTokens(const Filter& filter) {
  switch (filter.op) {
    case Operator::kEquals:
    case Operator::kExact:
    case Operator::kNot:
    case Operator::kNotEquals:
    case Operator::kText:
    case Operator::kContains:
      return DurableSound();
    default:
      return WrongModifier(filter);
  }
}

DurableResult MatchTokens(const Filter& filter, const DurableColumn& column,
                          const Collection& values) {
  if (filter.op == Operator::kText || filter.op == Operator::kContains) {
    return MatchTexts(filter, column, values);
  }
  bool found = false;
  const bool is_known =
      ForEachStored(column, values, [&](const StoredToken& token) {
        found = found ||
                std::ranges::any_of(
                    filter.durable_token_tests, [&](const TokenTest& test) {
                      return Passes(test, token, IsLower(column));
                    });
      });
  if (!is_known) {
    return DurableUnknown(
        StrCat("what is stored for `", filter.code, "` is not known"));
  }
  return DurableAnswer(found != IsNegated(filter));
}

std::optional<bool> HasToken(const DurableColumn& column,
                             const Collection& values) {
  bool present = false;
  const bool is_known = ForEachStored(
      column, values, [&present](const StoredToken&) { present = true; });
  if (!is_known) return std::nullopt;
  return present;
}

DurableResult MatchReferenceIdentifier(const Filter& filter,
                                       const Collection& values) {
  static const TypeId kIdentifier = FindType("Identifier");
  Collection identifiers;
  for (const Value& value : values) {
    if (value.kind() != Value::Kind::kObject) continue;
    const std::optional<JsonElement> identifier =
        Member(value.object(), "identifier");
    if (identifier) identifiers.push_back(Value::Of(*identifier, kIdentifier));
  }
  Filter test = filter;
  test.op = Operator::kEquals;
  test.durable_token_tests.clear();
  for (const std::string& alternative : filter.alternatives) {
    test.durable_token_tests.push_back(ToDurableTokenTest(alternative));
  }
  return MatchTokens(test, {DurableColumn::Kind::kTokens, true, ""},
                     identifiers);
}

}  // namespace pdp::fhir::search

#include "pdp/fhir/search/durable_filter.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/text.h"
#include "pdp/fhir/search/token.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;
using Kind = DurableColumn::Kind;

bool IsPresenceFilter(const Filter& filter) {
  return filter.op == Operator::kMissing || filter.op == Operator::kPresent;
}

// `Type/id` and `id` both name an id.
std::string_view IdOf(std::string_view reference) {
  const size_t slash = reference.find('/');
  return slash == std::string_view::npos ? reference
                                         : reference.substr(slash + 1);
}

// ---------------------------------------------------------------------------
// Text, references, strings.

// A row without a value: most comparisons with it are neither true nor false,
// and their negation neither.
bool MatchesAbsent(const Filter& filter, const DurableColumn& column) {
  if (!IsNegated(filter)) return false;
  if (column.is_array || column.kind == Kind::kTokens) return true;
  return column.kind != Kind::kReferences && filter.alternatives.size() == 1;
}

DurableResult MatchText(const Filter& filter, const DurableColumn& column,
                        const Collection& values) {
  bool present = false;
  bool found = false;
  for (const Value& value : values) {
    const std::string text = JavaScriptText(value);
    if (text.empty()) continue;
    present = true;
    found = found || std::ranges::find(filter.alternatives, text) !=
                         filter.alternatives.end();
    if (!column.is_array) break;
  }
  if (!present) return DurableAnswer(MatchesAbsent(filter, column));
  return DurableAnswer(found != IsNegated(filter));
}

// The type that a bare id is completed with; empty where it is compared as it
// is written.
std::string_view TypeOfBareIds(const SearchParameter& parameter) {
  if (parameter.code == "patient" || parameter.code == "subject") {
    return "Patient";
  }
  return parameter.targets.size() == 1 ? parameter.targets[0]
                                       : std::string_view();
}

DurableResult CheckReference(const Filter& filter) {
  switch (filter.op) {
    case Operator::kEquals:
    case Operator::kNot:
    case Operator::kNotEquals:
    case Operator::kIdentifier:
      break;
    default:
      return DurableUnknown(
          StrCat("`", filter.code, "` has a modifier of unknown effect"));
  }
  return DurableSound();
}

DurableResult MatchIdentifierOfReference(const Filter& filter,
                                         const Collection& values) {
  for (const Value& value : values) {
    if (value.kind() != Value::Kind::kObject) continue;
    const std::optional<JsonElement> identifier =
        Member(value.object(), "identifier");
    if (!identifier) continue;
    const std::string_view system = StringMember(*identifier, "system");
    const std::string_view number = StringMember(*identifier, "value");
    for (const std::string& alternative : filter.alternatives) {
      if (PassesTest(ToTokenTest(alternative, LetterCase::kKept),
                     {system, number}, LetterCase::kKept)) {
        return DurableAnswer(true);
      }
    }
  }
  return DurableAnswer(false);
}

DurableResult MatchReference(const Filter& filter, const DurableColumn& column,
                             const Collection& values) {
  if (filter.op == Operator::kIdentifier) {
    return MatchIdentifierOfReference(filter, values);
  }
  const std::string_view type = TypeOfBareIds(*filter.parameter);
  bool present = false;
  bool found = false;
  bool doubtful = false;
  for (const Value& value : values) {
    std::string_view text;
    if (value.kind() == Value::Kind::kString) text = value.string();
    if (value.kind() == Value::Kind::kObject) {
      text = StringMember(value.object(), "reference");
      // What is stored for a reference without text is not known.
      doubtful =
          doubtful || (text.empty() && (Member(value.object(), "identifier") ||
                                        Member(value.object(), "resource")));
    }
    if (text.empty()) continue;
    present = true;
    found =
        found ||
        std::ranges::any_of(
            filter.alternatives, [&](const std::string& alternative) {
              if (alternative.empty()) return false;
              if (alternative.find('/') != std::string::npos || type.empty()) {
                return text == alternative;
              }
              return text == StrCat(type, "/", alternative);
            });
    if (!column.is_array) break;
  }
  if (doubtful && !found) {
    return DurableUnknown(
        StrCat("`", filter.code, "` has a reference without its text"));
  }
  if (!present) return DurableAnswer(MatchesAbsent(filter, column));
  return DurableAnswer(found != IsNegated(filter));
}

DurableResult CheckString(const Filter& filter) {
  switch (filter.op) {
    case Operator::kEquals:
    case Operator::kExact:
    case Operator::kContains:
      return DurableSound();
    default:
      return WrongModifier(filter);
  }
}

DurableResult MatchString(const Filter& filter, const Collection& values) {
  for (const Value& value : values) {
    const absl::StatusOr<std::string> text = DisplayText(value);
    if (!text.ok()) return DurableUnknown(text.status().ToString());
    if (text->empty()) continue;
    const std::string lowered = ToLower(*text);
    for (const std::string& alternative : filter.alternatives) {
      const std::string wanted = ToLower(alternative);
      const bool matches = filter.op == Operator::kExact ? *text == alternative
                           : filter.op == Operator::kContains
                               ? lowered.find(wanted) != std::string::npos
                               : lowered.starts_with(wanted);
      if (matches) return DurableAnswer(true);
    }
  }
  return DurableAnswer(false);
}

// ---------------------------------------------------------------------------
// Tokens and booleans.

DurableResult CheckBoolean(const Filter& filter) {
  for (const std::string& alternative : filter.alternatives) {
    if (alternative != "true" && alternative != "false") {
      return DurableError(
          StrCat("the value of `", filter.code, "` is neither true nor false"));
    }
  }
  return DurableSound();
}

DurableResult CheckTokens(const Filter& filter) {
  switch (filter.op) {
    case Operator::kIn:
    case Operator::kNotIn:
    case Operator::kAbove:
    case Operator::kBelow:
    case Operator::kOfType:
    case Operator::kIterate:
    case Operator::kIdentifier:
      return WrongModifier(filter);
    default:
      return DurableSound();
  }
}

bool PassesAny(const Filter& filter, const Token& token) {
  return std::ranges::any_of(
      filter.durable_token_tests, [&](const TokenTest& test) {
        if (!token.ignores_case) {
          return PassesTest(test, token, LetterCase::kKept);
        }
        return PassesTest(
            {ToLower(test.system), ToLower(test.value), test.has_bar}, token,
            LetterCase::kLowered);
      });
}

// `:text` and `:contains`: a regular expression over texts and displays.
DurableResult MatchTokenTexts(const Filter& filter, const Collection& values) {
  bool found = false;
  bool doubtful = false;
  const auto compare = [&](std::string_view text) {
    const std::string lowered = ToLower(text);
    for (const std::string& alternative : filter.alternatives) {
      const bool is_literal =
          alternative.find_first_of("\\^$.|?*+()[]{}") == std::string::npos;
      found = found || (is_literal && !alternative.empty() &&
                        text.starts_with(alternative));
      doubtful = doubtful || !is_literal ||
                 lowered.find(ToLower(alternative)) != std::string::npos;
    }
  };
  for (const Value& value : values) {
    const absl::Status status = ForEachToken(value, [&](const Token& token) {
      if (token.system.empty()) compare(token.value);
    });
    if (!status.ok()) return DurableUnknown(status.ToString());
  }
  if (!found && doubtful) {
    return DurableUnknown(
        StrCat("how the texts of `", filter.code, "` are found is not known"));
  }
  return DurableAnswer(found);
}

DurableResult MatchTokens(const Filter& filter, const DurableColumn& column,
                          const Collection& values) {
  if (filter.op == Operator::kText || filter.op == Operator::kContains) {
    return MatchTokenTexts(filter, values);
  }
  bool present = false;
  bool found = false;
  for (const Value& value : values) {
    const absl::Status status = ForEachToken(value, [&](const Token& token) {
      present = true;
      found = found || PassesAny(filter, token);
    });
    if (!status.ok()) return DurableUnknown(status.ToString());
  }
  if (!present) return DurableAnswer(MatchesAbsent(filter, column));
  return DurableAnswer(found != IsNegated(filter));
}

// ---------------------------------------------------------------------------
// Columns of their own.

DurableResult CheckId(const Filter& filter) {
  if (filter.op == Operator::kIn || filter.op == Operator::kNotIn) {
    return WrongModifier(filter);
  }
  return DurableSound();
}

// Ids are UUIDs there; what is none finds nothing.
bool ContainsId(const std::vector<std::string>& alternatives,
                std::string_view id) {
  return std::ranges::any_of(alternatives, [id](
                                               const std::string& alternative) {
    const std::string_view wanted = IdOf(alternative);
    return IsUuid(wanted) && absl::EqualsIgnoreCase(ToAbsl(wanted), ToAbsl(id));
  });
}

DurableResult MatchId(const Filter& filter, const Collection& values) {
  std::string_view id;
  if (!values.empty() && values[0].kind() == Value::Kind::kString) {
    id = values[0].string();
  }
  if (id.empty()) return DurableAnswer(false);
  return DurableAnswer(ContainsId(filter.alternatives, id) !=
                       IsNegated(filter));
}

DurableResult MatchCompartments(const Filter& filter,
                                const Collection& values) {
  bool found = false;
  for (const Value& value : values) {
    if (value.kind() != Value::Kind::kObject) continue;
    const std::string_view reference =
        StringMember(value.object(), "reference");
    const std::string_view id = IdOf(reference);
    found =
        found || ContainsId(filter.alternatives, id.substr(0, id.find('/')));
  }
  return DurableAnswer(found != IsNegated(filter));
}

DurableResult CheckPresence(const Filter& filter, const DurableColumn& column) {
  switch (column.kind) {
    case Kind::kId:
    case Kind::kCompartments:
    case Kind::kNames:
    case Kind::kAddresses:
      return DurableSound();  // The value is taken for an ordinary one.
    case Kind::kInstant:
      if (filter.code == "_lastUpdated") return WrongModifier(filter);
      return DurableSound();
    case Kind::kTokens:
      if (filter.value != "true" && filter.value != "false") {
        return DurableError(StrCat("the value of `", filter.code,
                                   "` is neither true nor false"));
      }
      return DurableSound();
    case Kind::kUnknown:
      return DurableUnknown(
          StrCat("how `", filter.code, "` is stored is not known"));
    default:
      if (filter.op == Operator::kPresent && filter.value != "true" &&
          filter.value != "false") {
        return DurableUnknown(
            StrCat("`", filter.code, "` is asked for in an unusual way"));
      }
      return DurableSound();
  }
}

// Whether the row has a value; nothing where that is not known.
std::optional<bool> HasValue(const DurableColumn& column,
                             const Collection& values) {
  if (column.kind == Kind::kTokens) {
    bool present = false;
    for (const Value& value : values) {
      const absl::Status status =
          ForEachToken(value, [&](const Token&) { present = true; });
      if (!status.ok()) return std::nullopt;
    }
    return present;
  }
  if (column.kind == Kind::kReferences) {
    for (const Value& value : values) {
      if (value.kind() == Value::Kind::kObject &&
          StringMember(value.object(), "reference").empty()) {
        return std::nullopt;
      }
    }
  }
  return !values.empty();
}

DurableResult MatchPresence(const Filter& filter, const DurableColumn& column,
                            const Collection& values) {
  // `:missing` with anything but `true` wants a value.
  const bool wants_value = filter.op == Operator::kMissing
                               ? filter.value != "true"
                               : filter.value == "true";
  const std::optional<bool> has_value = HasValue(column, values);
  if (!has_value) {
    return DurableUnknown(
        StrCat("what is stored for `", filter.code, "` is not known"));
  }
  return DurableAnswer(*has_value == wants_value);
}

}  // namespace

DurableResult CheckDurableFilter(const Filter& filter,
                                 const DurableColumn& column) {
  if (IsPresenceFilter(filter)) return CheckPresence(filter, column);
  switch (column.kind) {
    case Kind::kUnknown:
      return DurableUnknown(
          StrCat("how `", filter.code, "` is stored is not known"));
    case Kind::kId:
    case Kind::kProject:
      return CheckId(filter);
    case Kind::kCompartments:
    case Kind::kText:
      return DurableSound();
    case Kind::kBoolean:
      return CheckBoolean(filter);
    case Kind::kTokens:
      return CheckTokens(filter);
    case Kind::kReferences:
      return CheckReference(filter);
    case Kind::kStrings:
      return CheckString(filter);
    case Kind::kNames:
    case Kind::kAddresses:
      return CheckWords(filter);
    case Kind::kDate:
    case Kind::kInstant:
      return CheckDate(filter);
    case Kind::kNumber:
    case Kind::kQuantity:
      return CheckNumber(filter, column);
  }
  return {};
}

DurableResult MatchesDurableFilter(const Filter& filter,
                                   const DurableColumn& column,
                                   const Collection& values) {
  const bool takes_presence =
      column.kind != Kind::kId && column.kind != Kind::kCompartments &&
      column.kind != Kind::kNames && column.kind != Kind::kAddresses;
  if (IsPresenceFilter(filter) && takes_presence) {
    return MatchPresence(filter, column, values);
  }
  switch (column.kind) {
    case Kind::kUnknown:
      break;
    case Kind::kId:
    case Kind::kProject:
      return MatchId(filter, values);
    case Kind::kCompartments:
      return MatchCompartments(filter, values);
    case Kind::kBoolean:
    case Kind::kText:
      return MatchText(filter, column, values);
    case Kind::kTokens:
      return MatchTokens(filter, column, values);
    case Kind::kReferences:
      return MatchReference(filter, column, values);
    case Kind::kStrings:
      return MatchString(filter, values);
    case Kind::kNames:
    case Kind::kAddresses:
      return MatchWords(filter, column, values);
    case Kind::kDate:
    case Kind::kInstant:
      return MatchDate(filter, column, values);
    case Kind::kNumber:
    case Kind::kQuantity:
      return MatchNumber(filter, column, values);
  }
  return DurableUnknown(
      StrCat("how `", filter.code, "` is stored is not known"));
}

}  // namespace pdp::fhir::search

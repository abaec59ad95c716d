#include "pdp/fhir/search/durable_filter.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/match_filter.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;
using Kind = DurableColumn::Kind;

// Where resources without a project are kept.
constexpr std::string_view kNoProject = "65897e4f-7add-55f3-9b17-035b5a4e6d52";

DurableResult NotKnown(const Filter& filter) {
  return DurableUnknown(
      StrCat("how `", filter.code, "` is stored is not known"));
}

bool IsPresenceFilter(const Filter& filter) {
  return filter.op == Operator::kMissing || filter.op == Operator::kPresent;
}

// ---------------------------------------------------------------------------
// Ids.

DurableResult CheckId(const Filter& filter) {
  if (filter.op == Operator::kIn || filter.op == Operator::kNotIn) {
    return WrongModifier(filter);
  }
  return DurableSound();
}

// Ids are UUIDs there; what is none finds nothing.
bool NamesId(const Filter& filter, std::string_view id) {
  return std::ranges::any_of(
      filter.alternatives, [id](const std::string& alternative) {
        const std::string_view wanted =
            std::string_view(alternative).substr(alternative.rfind('/') + 1);
        return IsUuid(wanted) &&
               absl::EqualsIgnoreCase(ToAbsl(wanted), ToAbsl(id));
      });
}

std::string_view FirstText(const Collection& values) {
  const bool is_text =
      !values.empty() && values[0].kind() == Value::Kind::kString;
  return is_text ? values[0].string() : std::string_view();
}

DurableResult MatchId(const Filter& filter, std::string_view id) {
  return DurableAnswer(NamesId(filter, id) != IsNegated(filter));
}

DurableResult MatchCompartments(const Filter& filter,
                                const Collection& values) {
  bool found = false;
  for (const Value& value : values) {
    if (value.kind() != Value::Kind::kObject) continue;
    std::string_view id = StringMember(value.object(), "reference");
    id.remove_prefix(std::min(id.size(), id.find('/') + 1));
    found = found || NamesId(filter, id.substr(0, id.find('/')));
  }
  return DurableAnswer(found != IsNegated(filter));
}

// ---------------------------------------------------------------------------
// `:missing` and `:present`.

// Columns that take the value of `:missing` for an ordinary one.
bool TakesPresenceForValue(Kind kind) {
  return kind == Kind::kId || kind == Kind::kCompartments ||
         kind == Kind::kNames || kind == Kind::kAddresses;
}

bool IsToken(Kind kind) {
  return kind == Kind::kTokens || kind == Kind::kLowerTokens;
}

DurableResult CheckPresence(const Filter& filter) {
  const DurableColumn& column = filter.parameter->column;
  const Kind kind = column.kind;
  const bool is_known =
      kind != Kind::kUnknown && !(kind == Kind::kBoolean && column.is_array);
  if (!is_known) return NotKnown(filter);
  if (filter.code == "_lastUpdated") return WrongModifier(filter);
  if (IsToken(kind)) {
    const std::string value = ToLower(filter.value);
    if (value != "true" && value != "false") {
      return DurableError(
          StrCat("the value of `", filter.code, "` is neither true nor false"));
    }
  }
  return DurableSound();
}

// Whether the row has a value; nothing where that is not known.
std::optional<bool> HasValue(const Filter& filter, const Collection& values) {
  const DurableColumn& column = filter.parameter->column;
  switch (column.kind) {
    case Kind::kProject:
      return !values.empty() && FirstText(values) != kNoProject;
    case Kind::kText:
      return HasText(filter, values);
    case Kind::kTokens:
    case Kind::kLowerTokens:
      return HasToken(column, values);
    case Kind::kReferences:
    case Kind::kCanonicals:
      return HasReference(values);
    case Kind::kStrings:
      return HasString(values);
    case Kind::kDate:
    case Kind::kInstant:
      return HasDate(values);
    case Kind::kNumber:
    case Kind::kQuantity:
      return HasNumber(values);
    case Kind::kBoolean:
      return !values.empty() && values[0].kind() != Value::Kind::kUndefined;
    default:
      return std::nullopt;
  }
}

DurableResult MatchPresence(const Filter& filter, const Collection& values) {
  const std::string value = IsToken(filter.parameter->column.kind)
                                ? ToLower(filter.value)
                                : filter.value;
  // Whatever is not `true` stands for `false`.
  const bool wants_value =
      (filter.op == Operator::kPresent) == (value == "true");
  const std::optional<bool> has_value = HasValue(filter, values);
  if (!has_value) return NotKnown(filter);
  return DurableAnswer(*has_value == wants_value);
}

}  // namespace

DurableResult CheckDurableFilter(const Filter& filter) {
  const DurableColumn& column = filter.parameter->column;
  const bool is_id = column.kind == Kind::kId ||
                     column.kind == Kind::kProject ||
                     column.kind == Kind::kCompartments;
  if (IsPresenceFilter(filter) && !TakesPresenceForValue(column.kind)) {
    return CheckPresence(filter);
  }
  if (filter.op == Operator::kIdentifier && !is_id) {
    if (filter.code == "_lastUpdated") return WrongModifier(filter);
    return column.kind == Kind::kReferences ? DurableSound() : NotKnown(filter);
  }
  switch (column.kind) {
    case Kind::kUnknown:
      return NotKnown(filter);
    case Kind::kId:
    case Kind::kProject:
    case Kind::kCompartments:
      return CheckId(filter);
    case Kind::kText:
      return DurableSound();
    case Kind::kBoolean:
      return column.is_array ? NotKnown(filter) : CheckBoolean(filter);
    case Kind::kTokens:
    case Kind::kLowerTokens:
      return CheckTokens(filter);
    case Kind::kReferences:
    case Kind::kCanonicals:
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

const SearchParameter& ParameterToEvaluate(const Filter& filter) {
  const SearchParameter& parameter = *filter.parameter;
  const Kind kind = parameter.column.kind;
  if (kind != Kind::kNames && kind != Kind::kAddresses) return parameter;
  const SearchParameter* const whole = FindSearchParameter(
      parameter.resource_type, kind == Kind::kNames ? "name" : "address");
  return whole != nullptr ? *whole : parameter;
}

DurableResult MatchesDurableFilter(const Filter& filter,
                                   const Collection& values) {
  const DurableColumn& column = filter.parameter->column;
  if (IsPresenceFilter(filter) && !TakesPresenceForValue(column.kind)) {
    return MatchPresence(filter, values);
  }
  if (filter.op == Operator::kIdentifier && column.kind == Kind::kReferences) {
    return MatchReferenceIdentifier(filter, values);
  }
  switch (column.kind) {
    case Kind::kUnknown:
      break;
    case Kind::kId:
      return MatchId(filter, FirstText(values));
    case Kind::kProject:
      return MatchId(filter, values.empty() ? kNoProject : FirstText(values));
    case Kind::kCompartments:
      return MatchCompartments(filter, values);
    case Kind::kBoolean:
      return MatchBoolean(filter, values);
    case Kind::kText:
      return MatchText(filter, column, values);
    case Kind::kTokens:
    case Kind::kLowerTokens:
      return MatchTokens(filter, column, values);
    case Kind::kReferences:
    case Kind::kCanonicals:
      return MatchReference(filter, column, values);
    case Kind::kStrings:
      return MatchString(filter, column, values);
    case Kind::kNames:
    case Kind::kAddresses:
      return MatchWords(filter, values);
    case Kind::kDate:
    case Kind::kInstant:
      return MatchDate(filter, column, values);
    case Kind::kNumber:
    case Kind::kQuantity:
      return MatchNumber(filter, column, values);
  }
  return NotKnown(filter);
}

}  // namespace pdp::fhir::search

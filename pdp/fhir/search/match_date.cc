#include <optional>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/datetime.h"
#include "pdp/fhir/search/match_filter.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Value;

// One end of a Period: nothing where it is absent or empty.
absl::StatusOr<std::optional<std::string_view>> EndMember(
    JsonElement object, std::string_view name) {
  const std::optional<JsonElement> member = Member(object, name);
  if (!member || member->is_null()) return std::nullopt;
  const std::optional<std::string_view> text = AsString(*member);
  if (!text) {
    return absl::InvalidArgumentError(
        StrCat("the `", name, "` of a Period is no string"));
  }
  if (text->empty()) return std::nullopt;
  return text;
}

bool IsDateMember(JsonElement object, std::string_view name) {
  return IsDateTime(StringMember(object, name));
}

// The period of a value, or nothing for what is no date.
absl::StatusOr<std::optional<Period>> PeriodOf(const Value& value) {
  if (value.kind() == Value::Kind::kString) {
    if (!IsDateTime(value.string())) return std::nullopt;
    PDP_ASSIGN_OR_RETURN(const Period period, ToPeriod(value.string()));
    return period;
  }
  if (value.kind() != Value::Kind::kObject) return std::nullopt;
  const JsonElement object = value.object();
  if (!IsDateMember(object, "start") && !IsDateMember(object, "end")) {
    return std::nullopt;
  }
  Period period{Instant::OpenStart(), Instant::OpenEnd()};
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> start,
                       EndMember(object, "start"));
  if (start) {
    PDP_ASSIGN_OR_RETURN(const Period padded, ToPeriod(*start));
    period.start = padded.start;
  }
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> end,
                       EndMember(object, "end"));
  if (end) {
    PDP_ASSIGN_OR_RETURN(const Period padded, ToPeriod(*end));
    period.end = padded.end;
  }
  return period;
}

bool Compare(Operator op, const Period& value, const Period& wanted) {
  switch (op) {
    case Operator::kEquals:
    case Operator::kApproximately:
    case Operator::kNotEquals:
      return value.start < wanted.end && value.end > wanted.start;
    case Operator::kLessThan:
      return value.start < wanted.start;
    case Operator::kGreaterThan:
      return value.end > wanted.end;
    case Operator::kLessThanOrEquals:
      return value.start <= wanted.end;
    case Operator::kGreaterThanOrEquals:
      return value.end >= wanted.start;
    case Operator::kStartsAfter:
      return value.start > wanted.end;
    case Operator::kEndsBefore:
      return value.end < wanted.start;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<bool> MatchesDate(const Filter& filter,
                                 const fhirpath::Collection& values) {
  absl::InlinedVector<Period, 4> periods;
  for (const Value& value : values) {
    PDP_ASSIGN_OR_RETURN(const std::optional<Period> period, PeriodOf(value));
    if (period) periods.push_back(*period);
  }
  bool found = false;
  for (const Period& period : periods) {
    if (!filter.period.ok()) return filter.period.status();
    found = found || Compare(filter.op, period, *filter.period);
  }
  return found != IsNegated(filter);
}

}  // namespace pdp::fhir::search

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/datetime.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/durable_match.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;
using Kind = DurableColumn::Kind;

// Whether the text has a day, and a zone or time that Postgres is known to read
// as we do.
bool HasDay(std::string_view text) {
  return text.size() == 10 || (text.size() >= 19 && text[10] == 'T');
}

bool IsExact(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return true;
  const size_t end = text.find_first_not_of("0123456789", dot + 1);
  return std::min(end, text.size()) - dot - 1 <= 3;
}

// The instant that stands for a value; nothing where it is not known which.
std::optional<Instant> InstantOf(std::string_view text) {
  if (!IsDateTime(text) || !HasDay(text) || !IsExact(text)) {
    return std::nullopt;
  }
  const absl::StatusOr<Period> period = ToPeriod(text);
  if (!period.ok()) return std::nullopt;
  return period->start;
}

// The start of a year or month in which `wanted` does not fall: wherever in it
// the database puts a date that is no whole one, the comparison is the same.
std::optional<Instant> PartialDate(std::string_view text,
                                   const Instant& wanted) {
  if (text.size() != 4 && text.size() != 7) return std::nullopt;
  const absl::StatusOr<Period> period = ToPeriod(text);
  if (!period.ok() || (wanted >= period->start && wanted <= period->end)) {
    return std::nullopt;
  }
  return period->start;
}

std::string_view DateTextOf(const Value& value) {
  if (value.kind() == Value::Kind::kString) return value.string();
  if (value.kind() != Value::Kind::kObject) return {};
  const std::string_view start = StringMember(value.object(), "start");
  return start.empty() ? StringMember(value.object(), "end") : start;
}

bool Compare(Operator op, const auto& value, const auto& wanted) {
  switch (op) {
    case Operator::kEquals:
      return value == wanted;
    case Operator::kNot:
    case Operator::kNotEquals:
      return value != wanted;
    case Operator::kLessThan:
    case Operator::kEndsBefore:
      return value < wanted;
    case Operator::kLessThanOrEquals:
      return value <= wanted;
    case Operator::kGreaterThan:
    case Operator::kStartsAfter:
      return value > wanted;
    case Operator::kGreaterThanOrEquals:
      return value >= wanted;
    default:
      return false;
  }
}

std::optional<double> ParseNumber(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

std::string_view NumberText(const Filter& filter, const DurableColumn& column) {
  const std::string_view value = filter.value;
  return column.kind == Kind::kQuantity ? value.substr(0, value.find('|'))
                                        : value;
}

}  // namespace

DurableResult CheckDate(const Filter& filter) {
  switch (filter.op) {
    case Operator::kEquals:
    case Operator::kNot:
    case Operator::kNotEquals:
    case Operator::kLessThan:
    case Operator::kLessThanOrEquals:
    case Operator::kGreaterThan:
    case Operator::kGreaterThanOrEquals:
    case Operator::kStartsAfter:
    case Operator::kEndsBefore:
      break;
    default:
      return WrongModifier(filter);
  }
  if (filter.value.size() < std::string_view("2024-01-01").size()) {
    return DurableError(StrCat("`", filter.code, "` needs a whole date"));
  }
  if (!InstantOf(filter.value)) {
    return DurableUnknown(
        StrCat("the date of `", filter.code, "` is written in an unusual way"));
  }
  return DurableSound();
}

DurableResult MatchDate(const Filter& filter, const DurableColumn& column,
                        const Collection& values) {
  if (values.empty()) return DurableAnswer(false);
  if (values.size() > 1 || column.is_array) {
    return DurableUnknown(
        StrCat("`", filter.code, "` may have several values in one row"));
  }
  static const TypeId kTiming = FindType("Timing");
  if (values[0].type() == kTiming) {
    return DurableUnknown(StrCat("what is stored of the schedule of `",
                                 filter.code, "` is not known"));
  }
  const std::string_view text = DateTextOf(values[0]);
  if (text.empty()) return DurableAnswer(false);
  const Instant wanted = *InstantOf(filter.value);
  if (const std::optional<Instant> partial = PartialDate(text, wanted)) {
    return DurableAnswer(Compare(filter.op, *partial, wanted));
  }
  const bool is_day = text.size() == 10 && filter.value.size() == 10;
  const std::optional<Instant> value = InstantOf(text);
  if (!value || (column.kind == Kind::kDate && !is_day)) {
    return DurableUnknown(
        StrCat("the date of `", filter.code, "` is no whole one"));
  }
  return DurableAnswer(Compare(filter.op, *value, wanted));
}

DurableResult CheckNumber(const Filter& filter, const DurableColumn& column) {
  if (filter.op > Operator::kApproximately && filter.op != Operator::kNot) {
    return DurableUnknown(
        StrCat("`", filter.code, "` has a modifier of unknown effect"));
  }
  const std::string_view text = NumberText(filter, column);
  if (text.find(',') != std::string_view::npos) {
    return DurableUnknown(StrCat("`", filter.code, "` has several numbers"));
  }
  if (!ParseNumber(text)) {
    return DurableError(
        StrCat("the value of `", filter.code, "` is no number"));
  }
  return DurableSound();
}

DurableResult MatchNumber(const Filter& filter, const DurableColumn& column,
                          const Collection& values) {
  constexpr double kTolerance = 0.1;
  const double wanted = *ParseNumber(NumberText(filter, column));
  std::vector<double> numbers;
  for (const Value& value : values) {
    double number = 0;
    if (value.kind() == Value::Kind::kNumber) {
      numbers.push_back(value.number());
    } else if (value.kind() == Value::Kind::kObject) {
      const std::optional<JsonElement> member = Member(value.object(), "value");
      if (member && member->get(number) == simdjson::SUCCESS) {
        numbers.push_back(number);
      }
    }
  }
  if (numbers.empty()) return DurableAnswer(false);
  if (numbers.size() > 1) {
    return DurableUnknown(
        StrCat("`", filter.code, "` has several values in one row"));
  }
  if (filter.op == Operator::kApproximately) {
    const double margin = std::abs(wanted) * kTolerance;
    return DurableAnswer(numbers[0] >= wanted - margin &&
                         numbers[0] <= wanted + margin);
  }
  return DurableAnswer(Compare(filter.op, numbers[0], wanted));
}

}  // namespace pdp::fhir::search

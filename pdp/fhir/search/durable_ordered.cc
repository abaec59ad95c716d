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
#include "pdp/fhir/search/match_filter.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;
using Kind = DurableColumn::Kind;

constexpr size_t kDaySize = std::string_view("2024-01-01").size();

// Whether the time behind the day, if there is one, has its minutes: without
// them JavaScript makes no date of the text.
bool HasMinutes(std::string_view text) {
  return text.size() <= kDaySize || text[kDaySize] != 'T' ||
         text.find(':', kDaySize) == kDaySize + 3;
}

// Whether JavaScript makes a date of an offset behind the day alone.
bool HasOffsetBehindDay(std::string_view text) {
  return text.size() > kDaySize &&
         (text[kDaySize] == '+' || text[kDaySize] == '-');
}

// More than three decimals are beyond JavaScript's precision, not the
// database's.
bool IsExact(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return true;
  const size_t end = text.find_first_not_of("0123456789", dot + 1);
  return std::min(end, text.size()) - dot - 1 <= 3;
}

// Whether the month has the day: JavaScript runs over into the next month, the
// database refuses the date.
bool IsInCalendar(std::string_view text) {
  const auto number = [text](size_t at, size_t size) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + size, value);
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= kDays[month - 1] || (month == 2 && day == 29 && is_leap);
}

// What is stored of a value; nothing where it is no date.
//
// InvalidArgument: the server cannot store the resource.
absl::StatusOr<std::optional<Instant>> StoredInstant(const Value& value) {
  std::string_view text;
  bool is_end = false;
  if (value.kind() == Value::Kind::kString) {
    text = value.string();
  } else if (value.kind() == Value::Kind::kObject) {
    text = StringMember(value.object(), "start");
    is_end = text.empty();
    if (is_end) text = StringMember(value.object(), "end");
  }
  if (!IsDateTime(text)) return std::nullopt;
  const absl::StatusOr<Period> period = ToPeriod(text);
  if (!period.ok()) return period.status();
  return is_end ? period->end : period->start;
}

// The day of an instant, as the start of the day.
Instant DayOf(const Instant& instant) {
  return ToPeriod(instant.ToString().substr(0, kDaySize))->start;
}

bool Compare(Operator op, const auto& value, const auto& wanted) {
  switch (op) {
    case Operator::kEquals:
    case Operator::kExact:
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

// Whether ordered columns know the operator.
bool IsOrdering(Operator op) {
  return op <= Operator::kEndsBefore || op == Operator::kNot ||
         op == Operator::kExact;
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

// The numbers that `filter` compares with; a quantity's unit is ignored.
std::vector<std::string_view> NumberTexts(const Filter& filter,
                                          const DurableColumn& column) {
  if (column.kind == Kind::kQuantity) {
    const std::string_view value = filter.value;
    return {value.substr(0, value.find('|'))};
  }
  return {filter.alternatives.begin(), filter.alternatives.end()};
}

std::optional<double> NumberMember(JsonElement object, std::string_view name) {
  double number = 0;
  const std::optional<JsonElement> member = Member(object, name);
  if (!member || member->get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

std::optional<double> StoredNumber(const Value& value) {
  if (value.kind() == Value::Kind::kNumber) return value.number();
  if (value.kind() != Value::Kind::kObject) return std::nullopt;
  const JsonElement object = value.object();
  for (const std::string_view bound : {"low", "high"}) {
    const std::optional<JsonElement> member = Member(object, bound);
    if (!member || !member->is_object()) continue;
    if (const auto number = NumberMember(*member, "value")) return number;
  }
  return NumberMember(object, "value");
}

std::vector<double> StoredNumbers(const Collection& values) {
  std::vector<double> numbers;
  for (const Value& value : values) {
    if (const auto number = StoredNumber(value)) numbers.push_back(*number);
  }
  return numbers;
}

bool MatchesNumber(const Filter& filter, double number, double wanted) {
  if (filter.op != Operator::kApproximately) {
    return Compare(filter.op, number, wanted);
  }
  return number >= wanted * 0.9 && number <= wanted * 1.1;
}

}  // namespace

DurableResult CheckDate(const Filter& filter) {
  if (!IsOrdering(filter.op)) return WrongModifier(filter);
  const std::string_view text = filter.value;
  if (text.size() < kDaySize || text[kDaySize - 3] != '-') {
    return DurableError(StrCat("`", filter.code, "` needs a whole date"));
  }
  const bool is_date = IsDateTime(text) && HasMinutes(text) &&
                       !HasOffsetBehindDay(text) && ToPeriod(text).ok();
  if (!is_date || !IsInCalendar(text)) {
    return DurableError(StrCat("`", filter.code, "` needs a date"));
  }
  if (!IsExact(text)) {
    return DurableUnknown(
        StrCat("the date of `", filter.code, "` has too many decimals"));
  }
  const SearchParameter& parameter = *filter.parameter;
  if (parameter.resource_type == "MeasureReport" && filter.code == "period") {
    return DurableUnknown("the period of a MeasureReport is stored as a range");
  }
  return DurableSound();
}

DurableResult MatchDate(const Filter& filter, const DurableColumn& column,
                        const Collection& values) {
  const bool is_day = column.kind == Kind::kDate;
  std::vector<Instant> stored;
  for (const Value& value : values) {
    const auto instant = StoredInstant(value);
    if (!instant.ok()) return DurableUnknown(instant.status().ToString());
    if (*instant) stored.push_back(is_day ? DayOf(**instant) : **instant);
  }
  if (column.is_array && !(stored.empty() && !IsNegated(filter))) {
    return DurableUnknown(
        StrCat("`", filter.code, "` may have several values in one row"));
  }
  if (stored.empty()) return DurableNull();
  const std::string_view text = filter.value;
  const Instant wanted =
      ToPeriod(is_day ? text.substr(0, kDaySize) : text)->start;
  return DurableAnswer(Compare(filter.op, stored[0], wanted));
}

std::optional<bool> HasDate(const Collection& values) {
  for (const Value& value : values) {
    const auto instant = StoredInstant(value);
    if (!instant.ok()) return std::nullopt;
    if (*instant) return true;
  }
  return false;
}

DurableResult CheckNumber(const Filter& filter, const DurableColumn& column) {
  const bool is_quantity = column.kind == Kind::kQuantity;
  const bool is_close = filter.op == Operator::kApproximately && is_quantity;
  if (!IsOrdering(filter.op) && !is_close) return WrongModifier(filter);
  if (is_quantity && column.is_array) {
    return DurableUnknown(
        StrCat("`", filter.code, "` may have several values in one row"));
  }
  for (const std::string_view text : NumberTexts(filter, column)) {
    if (!ParseNumber(text)) {
      return DurableError(
          StrCat("the value of `", filter.code, "` is no number"));
    }
  }
  return DurableSound();
}

DurableResult MatchNumber(const Filter& filter, const DurableColumn& column,
                          const Collection& values) {
  std::vector<double> numbers = StoredNumbers(values);
  if (!column.is_array && numbers.size() > 1) numbers.resize(1);
  if (numbers.empty()) {
    return column.is_array ? DurableAnswer(false) : DurableNull();
  }
  for (const double number : numbers) {
    for (const std::string_view text : NumberTexts(filter, column)) {
      if (MatchesNumber(filter, number, *ParseNumber(text))) {
        return DurableAnswer(true);
      }
    }
  }
  return DurableAnswer(false);
}

bool HasNumber(const Collection& values) {
  return !StoredNumbers(values).empty();
}

}  // namespace pdp::fhir::search

#include "pdp/fhir/fhirpath/datetime.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "pdp/base/strings.h"

namespace pdp::fhir::fhirpath {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `size` digits.
bool TakeDigits(std::string_view& text, size_t size, int& value) {
  if (text.size() < size) return false;
  value = 0;
  for (size_t i = 0; i < size; ++i) {
    if (!IsDigit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(size);
  return true;
}

bool Take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
};

bool TakeClock(std::string_view& text, Clock& clock) {
  if (!TakeDigits(text, 2, clock.hour) || !Take(text, ':') ||
      !TakeDigits(text, 2, clock.minute)) {
    return false;
  }
  if (Take(text, ':')) {
    if (!TakeDigits(text, 2, clock.second)) return false;
    if (Take(text, '.')) {
      int digits = 0;
      for (; !text.empty() && IsDigit(text[0]); text.remove_prefix(1)) {
        if (++digits <= 3) {
          clock.millisecond = clock.millisecond * 10 + (text[0] - '0');
        }
      }
      if (digits == 0) return false;
      for (; digits < 3; ++digits) clock.millisecond *= 10;
    }
  }
  if (clock.minute > 59 || clock.second > 59 || clock.hour > 24) return false;
  return clock.hour < 24 ||
         (clock.minute == 0 && clock.second == 0 && clock.millisecond == 0);
}

// What is left of a dateTime: nothing (local time, which is UTC here), `Z`, or
// an offset, in minutes.
bool TakeZone(std::string_view& text, int& offset) {
  offset = 0;
  if (text.empty() || Take(text, 'Z')) return true;
  const bool west = text[0] == '-';
  if (!Take(text, '+') && !Take(text, '-')) return false;
  int hours = 0;
  int minutes = 0;
  if (!TakeDigits(text, 2, hours)) return false;
  Take(text, ':');
  if (!TakeDigits(text, 2, minutes) || hours > 23 || minutes > 59) return false;
  offset = hours * 60 + minutes;
  if (west) offset = -offset;
  return true;
}

constexpr char kYearPattern[] =
    "([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)";

}  // namespace

std::optional<absl::Time> ParseIsoDate(std::string_view text) {
  int year = 0;
  int month = 1;
  int day = 1;
  if (!TakeDigits(text, 4, year)) return std::nullopt;
  if (Take(text, '-')) {
    if (!TakeDigits(text, 2, month)) return std::nullopt;
    if (Take(text, '-') && !TakeDigits(text, 2, day)) return std::nullopt;
  }
  if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  Clock clock;
  int offset = 0;
  if (!text.empty()) {
    if (!Take(text, 'T') || !TakeClock(text, clock) ||
        !TakeZone(text, offset) || !text.empty()) {
      return std::nullopt;
    }
  }
  // A 31st of a short month is a day of the next one, as in JavaScript.
  return absl::FromCivil(absl::CivilSecond(year, month, day, clock.hour,
                                           clock.minute, clock.second),
                         absl::UTCTimeZone()) +
         absl::Milliseconds(clock.millisecond) - absl::Minutes(offset);
}

std::string ToIsoString(absl::Time time) {
  const auto civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const int64_t milliseconds = absl::ToInt64Milliseconds(
      time - absl::FromCivil(civil, absl::UTCTimeZone()));
  const auto year = civil.year();
  std::string out = year >= 0 && year <= 9999
                        ? absl::StrFormat("%04d", year)
                        : absl::StrFormat("%c%06d", year < 0 ? '-' : '+',
                                          year < 0 ? -year : year);
  out += absl::StrFormat("-%02d-%02dT%02d:%02d:%02d.%03dZ", civil.month(),
                         civil.day(), civil.hour(), civil.minute(),
                         civil.second(), milliseconds);
  return out;
}

absl::StatusOr<std::string> NormalizeDateTime(std::string_view text) {
  if (text.starts_with('T')) {
    static constexpr std::string_view kMidnight = "T00:00:00.000Z";
    return StrCat(text,
                  kMidnight.substr(std::min(text.size(), kMidnight.size())));
  }
  if (text.size() <= 10) return std::string(text);
  if (const std::optional<absl::Time> time = ParseIsoDate(text)) {
    return ToIsoString(*time);
  }
  // Date has no second way of reading what begins like this.
  static const RE2& invalid =
      *new RE2("[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?T[-0-9:.+TZ]*");
  if (RE2::FullMatch(text, invalid)) return std::string(text);
  return absl::InvalidArgumentError("FHIRPath: a date that is not ISO 8601");
}

bool IsDateText(std::string_view text) {
  static const RE2& pattern = *new RE2(StrCat(
      kYearPattern, "(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?"));
  return text.size() <= 10 && RE2::FullMatch(text, pattern);
}

bool IsDateTimeText(std::string_view text) {
  static const RE2& pattern =
      *new RE2(StrCat(kYearPattern,
                      "(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1])"
                      "(T([01][0-9]|2[0-3])(:[0-5][0-9]:([0-5][0-9]|60)"
                      "(\\.[0-9]{1,9})?)?)?)?"
                      "(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)?)?)?"));
  return RE2::FullMatch(text, pattern);
}

bool IsTimeText(std::string_view text) {
  return text.size() >= 2 && text[0] == 'T' && IsDigit(text[1]);
}

}  // namespace pdp::fhir::fhirpath

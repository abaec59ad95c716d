#include "pdp/fhir/datetime.h"

#include <cstddef>
#include <cstdio>
#include <optional>

#include "absl/status/status.h"
#include "pdp/base/strings.h"

namespace pdp::fhir {
namespace {

constexpr int64_t kMillisPerSecond = 1000;
constexpr int64_t kMillisPerMinute = 60 * kMillisPerSecond;
constexpr int64_t kMillisPerHour = 60 * kMillisPerMinute;
constexpr int64_t kMillisPerDay = 24 * kMillisPerHour;

// Orders are twice the milliseconds, which leaves room for the open ends.
constexpr int64_t kSignedYearShift = 4'000'000'000'000'000;

enum class Zone : uint8_t {
  kNone,
  kUtc,
  kSign,  // A sign without an offset.
  kOffset,
};

// A dateTime taken apart.  What was not written is negative.
struct Fields {
  int year = 0;
  int month = -1;
  int day = -1;
  int hour = -1;
  int minute = -1;
  int second = -1;
  int millis = -1;
  int fraction_digits = 0;
  Zone zone = Zone::kNone;
  char sign = 0;
  int offset_minutes = 0;
};

// Reads the text from left to right; each method returns false where the text
// goes on differently.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ == text_.size(); }

  bool Take(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool TakeNumber(int digits, int min, int max, int& number) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      const std::optional<int> digit = TakeDigit();
      if (!digit) return false;
      value = value * 10 + *digit;
    }
    number = value;
    return value >= min && value <= max;
  }

  std::optional<int> TakeDigit() {
    if (AtEnd() || text_[at_] < '0' || text_[at_] > '9') return std::nullopt;
    return text_[at_++] - '0';
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

bool ReadFraction(Reader& reader, Fields& fields) {
  int millis = 0;
  int scale = 100;
  while (const std::optional<int> digit = reader.TakeDigit()) {
    if (++fields.fraction_digits > 9) return false;
    millis += *digit * scale;
    scale /= 10;
  }
  fields.millis = millis;
  return fields.fraction_digits > 0;
}

bool ReadTime(Reader& reader, Fields& fields) {
  if (!reader.TakeNumber(2, 0, 23, fields.hour)) return false;
  if (!reader.Take(':')) return true;
  if (!reader.TakeNumber(2, 0, 59, fields.minute) || !reader.Take(':') ||
      !reader.TakeNumber(2, 0, 60, fields.second)) {
    return false;
  }
  return !reader.Take('.') || ReadFraction(reader, fields);
}

bool ReadZone(Reader& reader, Fields& fields) {
  if (reader.AtEnd()) return true;
  if (reader.Take('Z')) {
    fields.zone = Zone::kUtc;
    return true;
  }
  fields.sign = reader.Take('+') ? '+' : reader.Take('-') ? '-' : '\0';
  if (fields.sign == '\0') return false;
  if (reader.AtEnd()) {
    fields.zone = Zone::kSign;
    return true;
  }
  int hours = 0;
  int minutes = 0;
  if (!reader.TakeNumber(2, 0, 14, hours) || !reader.Take(':') ||
      !reader.TakeNumber(2, 0, hours == 14 ? 0 : 59, minutes)) {
    return false;
  }
  fields.zone = Zone::kOffset;
  fields.offset_minutes = hours * 60 + minutes;
  return true;
}

bool TakesDay(Reader& reader, std::string_view rest) {
  // After a month a hyphen begins a day or a zone: `-15`, `-`, `-02:00`.
  const bool is_day = rest.size() >= 3 && (rest.size() == 3 || rest[3] != ':');
  return is_day && reader.Take('-');
}

std::optional<Fields> ReadDateTime(std::string_view text) {
  Reader reader(text);
  Fields fields;
  if (!reader.TakeNumber(4, 1, 9999, fields.year)) return std::nullopt;
  if (reader.AtEnd()) return fields;
  if (!reader.Take('-') || !reader.TakeNumber(2, 1, 12, fields.month)) {
    return std::nullopt;
  }
  if (TakesDay(reader, text.substr(7))) {
    if (!reader.TakeNumber(2, 1, 31, fields.day)) return std::nullopt;
    if (reader.Take('T') && !ReadTime(reader, fields)) return std::nullopt;
  }
  if (!ReadZone(reader, fields) || !reader.AtEnd()) return std::nullopt;
  return fields;
}

// Days from 1970-01-01 to a day of the proleptic Gregorian calendar.
constexpr int64_t DaysFromEpoch(int64_t year, int month, int day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t month_from_march = month > 2 ? month - 3 : month + 9;
  const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  const int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

constexpr int64_t kYear0 = DaysFromEpoch(0, 1, 1) * kMillisPerDay;
constexpr int64_t kYear9999 = DaysFromEpoch(9999, 1, 1) * kMillisPerDay;
constexpr int64_t kYear10000 = DaysFromEpoch(10000, 1, 1) * kMillisPerDay;

int64_t Millis(const Fields& fields, bool end) {
  const auto or_else = [end](int value, int first, int last) {
    return value >= 0 ? value : end ? last : first;
  };
  // A month that is not written is known, so its days need no table.
  const int64_t days = DaysFromEpoch(fields.year, or_else(fields.month, 1, 12),
                                     or_else(fields.day, 1, 31));
  int millis = or_else(fields.millis, 0, 999);
  if (end && fields.fraction_digits == 1) millis += 99;
  if (end && fields.fraction_digits == 2) millis += 9;
  const int offset =
      fields.sign == '-' ? -fields.offset_minutes : fields.offset_minutes;
  return days * kMillisPerDay + or_else(fields.hour, 0, 23) * kMillisPerHour +
         (or_else(fields.minute, 0, 59) - offset) * kMillisPerMinute +
         or_else(fields.second, 0, 59) * kMillisPerSecond + millis;
}

// Whether JavaScript makes a Date of it.
bool IsRepresentable(const Fields& fields) {
  if (fields.second == 60) return false;
  if (fields.day >= 0) return fields.zone != Zone::kSign;
  // Medplum looks for a sign only behind a whole day.  What follows a month is
  // therefore padded as if it were the day: a lone hyphen comes out right.
  return fields.zone == Zone::kNone || fields.zone == Zone::kUtc ||
         (fields.zone == Zone::kSign && fields.sign == '-');
}

}  // namespace

Instant Instant::FromUnixMillis(int64_t millis) {
  const int64_t order = 2 * millis;
  return Instant(millis < kYear10000 ? order : order - kSignedYearShift);
}

Instant Instant::OpenStart() { return Instant(2 * kYear0 - 1); }

Instant Instant::OpenEnd() { return Instant(2 * kYear9999 - 1); }

std::string Instant::ToString() const {
  if (*this == OpenStart()) return "0000";
  if (*this == OpenEnd()) return "9999";
  const bool is_signed = order_ < 2 * kYear0;
  const int64_t millis = (is_signed ? order_ + kSignedYearShift : order_) / 2;
  int64_t days = millis / kMillisPerDay;
  if (millis < days * kMillisPerDay) --days;
  const int64_t time = millis - days * kMillisPerDay;

  // The inverse of DaysFromEpoch.
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 +
                               day_of_era / 36524 - day_of_era / 146096) /
                              365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t month =
      month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;

  char text[64];
  const int size = std::snprintf(
      text, sizeof text, "%s%0*d-%02d-%02dT%02d:%02d:%02d.%03dZ",
      is_signed ? "+" : "", is_signed ? 6 : 4, static_cast<int>(year),
      static_cast<int>(month), static_cast<int>(day),
      static_cast<int>(time / kMillisPerHour),
      static_cast<int>(time / kMillisPerMinute % 60),
      static_cast<int>(time / kMillisPerSecond % 60),
      static_cast<int>(time % kMillisPerSecond));
  return {text, static_cast<size_t>(size)};
}

bool IsDateTime(std::string_view text) {
  return ReadDateTime(text).has_value();
}

absl::StatusOr<Period> ToPeriod(std::string_view text) {
  const std::optional<Fields> fields = ReadDateTime(text);
  if (!fields || !IsRepresentable(*fields)) {
    return absl::InvalidArgumentError(StrCat("invalid date: ", text));
  }
  return Period{Instant::FromUnixMillis(Millis(*fields, false)),
                Instant::FromUnixMillis(Millis(*fields, true))};
}

}  // namespace pdp::fhir

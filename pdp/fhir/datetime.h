// Dates as Medplum compares them in memory (semantics S-10): a date of any
// precision becomes a period of two instants, and instants are compared as the
// texts `YYYY-MM-DDThh:mm:ss.sssZ`.

#ifndef PDP_FHIR_DATETIME_H_
#define PDP_FHIR_DATETIME_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pdp::fhir {

// A point in time with the order of Medplum's texts.  They sort by time within
// the years 0000 to 9999; later years, which JavaScript writes with a sign,
// sort before all others.
class Instant {
 public:
  static Instant FromUnixMillis(int64_t millis);
  // The ends of a period that has none: the texts `0000` and `9999`.  The
  // latter sorts before the instants of that year.
  static Instant OpenStart();
  static Instant OpenEnd();

  // "2024-02-29T00:00:00.000Z"; "0000" and "9999" for open ends.
  std::string ToString() const;

  friend auto operator<=>(const Instant&, const Instant&) = default;

 private:
  explicit Instant(int64_t order) : order_(order) {}

  int64_t order_;
};

struct Period {
  Instant start;
  Instant end;
};

// Whether Medplum takes `text` for a date or dateTime: YYYY, YYYY-MM,
// YYYY-MM-DD, then Thh or Thh:mm:ss with up to nine decimals, then a zone where
// there is a month.
bool IsDateTime(std::string_view text);

// The period that a date covers at its precision.  Days past the end of a month
// run over into the next one; a month covers 31 days.
//
// InvalidArgument: no dateTime, or one that JavaScript cannot turn into a Date:
// second 60, a zone without its offset, an offset directly behind a month.
absl::StatusOr<Period> ToPeriod(std::string_view text);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_DATETIME_H_

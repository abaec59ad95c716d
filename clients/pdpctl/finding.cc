#include "clients/pdpctl/finding.h"

#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

// Clocks that are further apart than this are worth a word, and further than
// that are what tokens and `_lastUpdated` do not bear.
constexpr absl::Duration kClocksApart = absl::Seconds(5);
constexpr absl::Duration kClocksFarApart = absl::Seconds(60);

}  // namespace

Finding ProblemOf(const absl::Status& status) {
  return {Finding::Level::kProblem, std::string(ToStd(status.message()))};
}

Finding CompareClocks(std::string_view whose, std::string_view others,
                      absl::Duration ahead) {
  const absl::Duration apart = absl::AbsDuration(ahead);
  if (apart < kClocksApart) {
    return {Finding::Level::kOk, StrCat(whose, " clock agrees with ", others)};
  }
  return {apart < kClocksFarApart ? Finding::Level::kWarning
                                  : Finding::Level::kProblem,
          StrCat(whose, " clock is ", FindingText(apart),
                 ahead < absl::ZeroDuration() ? " behind " : " ahead of ",
                 others, "; synchronize them")};
}

std::string FindingText(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Milliseconds(100)));
}

std::string FindingText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace pdp::ctl

#include "pdp/base/freshness.h"

#include <gtest/gtest.h>

namespace pdp {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(FreshnessTest, BeforeTheFirstConfirmationTheAgeIsWithoutBound) {
  const Freshness freshness;
  EXPECT_EQ(freshness.Age(kNow), absl::InfiniteDuration());
}

TEST(FreshnessTest, TheAgeIsTheTimeSinceTheLatestConfirmation) {
  Freshness freshness;
  freshness.Confirm(kNow - absl::Seconds(10));
  freshness.Confirm(kNow - absl::Seconds(20));
  EXPECT_EQ(freshness.Age(kNow), absl::Seconds(10));
}

TEST(FreshnessTest, AClockThatWentBackMakesNoNegativeAge) {
  Freshness freshness;
  freshness.Confirm(kNow + absl::Seconds(5));
  EXPECT_EQ(freshness.Age(kNow), absl::ZeroDuration());
}

TEST(FreshnessTest, RefusedIsAsIfNothingHadEverBeenConfirmed) {
  Freshness freshness;
  freshness.Confirm(kNow);
  freshness.Refuse();
  EXPECT_EQ(freshness.Age(kNow), absl::InfiniteDuration());
  freshness.Confirm(kNow - absl::Seconds(1));
  EXPECT_EQ(freshness.Age(kNow), absl::Seconds(1));
}

}  // namespace
}  // namespace pdp

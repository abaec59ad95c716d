#include "pdp/sync/search_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/fake_clock.h"

namespace pdp::sync {
namespace {

TEST(SearchBudgetTest, ASecondsWorthIsGivenAtOnceAndThenOneAtATime) {
  FakeClock clock;
  SearchBudget budget(/*per_second=*/10, clock);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(budget.Take(), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(), absl::Milliseconds(100));
  EXPECT_EQ(budget.Take(), absl::Milliseconds(200));
  clock.Advance(absl::Seconds(1));
  // Eight of the ten that came meanwhile are not yet taken.
  for (int i = 0; i < 8; ++i) EXPECT_EQ(budget.Take(), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(), absl::Milliseconds(100));
}

TEST(SearchBudgetTest, RestingSavesNoMoreThanASecondsWorth) {
  FakeClock clock;
  SearchBudget budget(/*per_second=*/2, clock);
  budget.Take();
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(budget.Take(), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(), absl::Milliseconds(500));
}

TEST(SearchBudgetTest, OneSearchInSeveralSecondsIsAPossibleLimit) {
  FakeClock clock;
  SearchBudget budget(/*per_second=*/0.25, clock);
  EXPECT_EQ(budget.Take(), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(), absl::Seconds(4));
}

// Each feed asks again when its wait is over, as feeds do.
TEST(SearchBudgetTest, AFeedWithManyPagesDoesNotKeepOthersWaiting) {
  FakeClock clock;
  SearchBudget budget(/*per_second=*/10, clock);
  while (budget.Take() == absl::ZeroDuration()) {
  }
  struct Feed {
    absl::Duration next;
    int done = 0;
  };
  std::vector<Feed> feeds(5);
  const absl::Duration end = clock.SinceBoot() + absl::Seconds(20);
  for (Feed& feed : feeds) feed.next = clock.SinceBoot() + budget.Take();
  while (clock.SinceBoot() < end) {
    Feed& feed = *std::min_element(
        feeds.begin(), feeds.end(),
        [](const Feed& a, const Feed& b) { return a.next < b.next; });
    clock.Advance(feed.next - clock.SinceBoot());
    ++feed.done;
    feed.next = clock.SinceBoot() + budget.Take();
  }
  for (const Feed& feed : feeds) EXPECT_NEAR(feed.done, 40, 1);
}

TEST(SearchBudgetTest, TheIntervalIsStretchedSoThatSweepsLeaveRoomForOthers) {
  FakeClock clock;
  SearchBudget budget(/*per_second=*/20, clock);
  budget.SetSweepCost("a", 100);
  EXPECT_EQ(budget.SweepInterval(absl::Seconds(15)), absl::Seconds(15));
  budget.SetSweepCost("b", 220);
  EXPECT_EQ(budget.SweepInterval(absl::Seconds(15)), absl::Seconds(20));
  budget.SetSweepCost("b", 20);
  EXPECT_EQ(budget.SweepInterval(absl::Seconds(15)), absl::Seconds(15));
}

}  // namespace
}  // namespace pdp::sync

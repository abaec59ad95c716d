#include "pdp/sync/hint_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "pdp/base/strings.h"
#include "tests/support/fake_clock.h"

namespace pdp::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Hint Named(std::string_view id) {
  return {.key = {"AccessPolicy", std::string(id)}};
}

std::vector<std::string> TakeAllDue(HintQueue& queue) {
  std::vector<std::string> ids;
  while (const std::optional<Hint> hint = queue.Poll()) {
    ids.push_back(hint->key.id);
  }
  return ids;
}

TEST(HintQueueTest, AResourceIsInItOnceAndInTheOrderItWasNamedFirst) {
  FakeClock clock;
  HintQueue queue(/*max_hints=*/10, clock);
  for (const char* id : {"a", "b", "a", "c", "b"}) {
    EXPECT_TRUE(queue.Offer(Named(id)));
  }
  EXPECT_THAT(TakeAllDue(queue), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(queue.Offer(Named("a")));
  EXPECT_THAT(TakeAllDue(queue), ElementsAre("a"));
}

TEST(HintQueueTest, WhatSeveralHintsSayOfAResourceIsKept) {
  FakeClock clock;
  HintQueue queue(/*max_hints=*/10, clock);
  int answered = 0;
  const auto count = [&](const absl::Status&) { ++answered; };
  queue.Offer({.key = {"Bot", "a"}, .deleted = true, .looks = 2});
  queue.Offer({.key = {"Bot", "a"}, .waiting = {count}});
  queue.Offer({.key = {"Bot", "a"}, .waiting = {count}});
  const std::optional<Hint> hint = queue.Poll();
  ASSERT_TRUE(hint.has_value());
  EXPECT_TRUE(hint->deleted);
  EXPECT_EQ(hint->looks, 0);
  for (const Hint::Done& done : hint->waiting) done(absl::OkStatus());
  EXPECT_EQ(answered, 2);
}

TEST(HintQueueTest, ADelayIsWaitedForUnlessASoonerHintComes) {
  FakeClock clock;
  HintQueue queue(/*max_hints=*/10, clock);
  queue.Offer(Named("later"), absl::Seconds(1));
  queue.Offer(Named("sooner"), absl::Seconds(1));
  EXPECT_THAT(TakeAllDue(queue), IsEmpty());
  queue.Offer(Named("sooner"));
  EXPECT_THAT(TakeAllDue(queue), ElementsAre("sooner"));
  clock.Advance(absl::Milliseconds(999));
  EXPECT_THAT(TakeAllDue(queue), IsEmpty());
  queue.Offer(Named("later"), absl::Hours(1));
  clock.Advance(absl::Milliseconds(1));
  EXPECT_THAT(TakeAllDue(queue), ElementsAre("later"));
}

TEST(HintQueueTest, AFullQueueTakesOnlyWhatItHasAlready) {
  FakeClock clock;
  HintQueue queue(/*max_hints=*/2, clock);
  EXPECT_TRUE(queue.Offer(Named("a")));
  EXPECT_TRUE(queue.Offer(Named("b")));
  EXPECT_FALSE(queue.Offer(Named("c")));
  EXPECT_TRUE(queue.Offer(Named("b")));
  EXPECT_EQ(queue.size(), 2u);
}

TEST(HintQueueTest, StopEndsWaitingAndGivesBackWhatWasLeft) {
  FakeClock clock;
  HintQueue queue(/*max_hints=*/2, clock);
  queue.Offer(Named("a"), absl::Hours(1));
  std::thread waiting([&] { EXPECT_FALSE(queue.Take().has_value()); });
  const std::vector<Hint> left = queue.Stop();
  waiting.join();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].key.id, "a");
  EXPECT_FALSE(queue.Offer(Named("b")));
}

TEST(HintQueueTest, TakeWaitsForAHint) {
  HintQueue queue(/*max_hints=*/2, Clock::Real());
  std::thread waiting([&] {
    const std::optional<Hint> hint = queue.Take();
    ASSERT_TRUE(hint.has_value());
    EXPECT_EQ(hint->key.id, "a");
  });
  queue.Offer(Named("a"));
  waiting.join();
}

}  // namespace
}  // namespace pdp::sync

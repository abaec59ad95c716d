#include "pdp/sync/feed_position.h"

#include <gtest/gtest.h>

namespace pdp::sync {
namespace {

TEST(FeedPositionTest, WhatIsWrittenIsRead) {
  const absl::Time time = absl::FromUnixMillis(1'790'000'000'123);
  for (const auto phase :
       {FeedPosition::Phase::kLoading, FeedPosition::Phase::kSwept}) {
    for (const absl::Time through : {time, absl::InfinitePast()}) {
      for (const absl::Time full : {time, absl::InfinitePast()}) {
        const FeedPosition position = {phase, through, full};
        EXPECT_EQ(ParseFeedPosition(ToText(position)).value(), position);
      }
    }
  }
  for (const TypePosition& position :
       {TypePosition{TypePosition::Phase::kLive, time},
        TypePosition{TypePosition::Phase::kLive, absl::InfinitePast()},
        TypePosition{TypePosition::Phase::kDeleted, time},
        TypePosition{TypePosition::Phase::kDone, absl::InfinitePast()}}) {
    EXPECT_EQ(ParseTypePosition(ToText(position)).value(), position);
  }
  EXPECT_EQ(ToText(FeedPosition{FeedPosition::Phase::kSwept, time,
                                absl::InfinitePast()}),
            "swept 2026-09-21T14:13:20.123Z -");
}

TEST(FeedPositionTest, WhatNobodyWroteIsRefused) {
  for (const char* text :
       {"", "swept", "swept -", "swept - - -", "none - -", "swept x -",
        "swept  - -", "loading - 2026", "done", "live -"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseFeedPosition(text).status())) << text;
  }
  for (const char* text :
       {"", "live", "done -", "live - -", "deleted x", "swept - -"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseTypePosition(text).status())) << text;
  }
}

}  // namespace
}  // namespace pdp::sync

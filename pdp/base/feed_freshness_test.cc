#include "pdp/base/feed_freshness.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pdp {
namespace {

constexpr absl::Duration kNow = absl::Hours(100);

TEST(FeedFreshnessTest, BeforeTheFirstConfirmationItIsLoadingAndOfNoAge) {
  const FeedFreshness feed;
  EXPECT_EQ(feed.state(), FeedState::kLoading);
  EXPECT_EQ(feed.Age(kNow), absl::InfiniteDuration());
}

TEST(FeedFreshnessTest, TheAgeIsTheTimeSinceTheLatestConfirmation) {
  FeedFreshness feed;
  feed.Confirm(kNow - absl::Seconds(10));
  feed.Confirm(kNow - absl::Seconds(20));
  EXPECT_EQ(feed.state(), FeedState::kCurrent);
  EXPECT_EQ(feed.Age(kNow), absl::Seconds(10));
  EXPECT_EQ(feed.Age(kNow - absl::Seconds(15)), absl::ZeroDuration());
}

TEST(FeedFreshnessTest, RefusedIsOfNoAgeUntilTheNextConfirmation) {
  for (const FeedState why :
       {FeedState::kCredentialsRefused, FeedState::kProjectGone,
        FeedState::kAccessMissing}) {
    SCOPED_TRACE(FeedStateName(why));
    FeedFreshness feed;
    feed.Confirm(kNow);
    feed.Refuse(why);
    EXPECT_EQ(feed.state(), why);
    EXPECT_EQ(feed.Age(kNow), absl::InfiniteDuration());
    feed.Confirm(kNow - absl::Seconds(1));
    EXPECT_EQ(feed.state(), FeedState::kCurrent);
    EXPECT_EQ(feed.Age(kNow), absl::Seconds(1));
  }
}

TEST(FreshnessTableTest, AProjectHasItsOwnFeedElseThatOfAll) {
  FreshnessTable table;
  EXPECT_EQ(table.Find("a"), nullptr);
  const FeedFreshness& a = table.Add("a");
  EXPECT_EQ(table.Find("a"), &a);
  EXPECT_EQ(table.Find("b"), nullptr);
  const FeedFreshness& all = table.Add("");
  EXPECT_EQ(table.Find("a"), &a);
  EXPECT_EQ(table.Find("b"), &all);
}

TEST(FreshnessTableTest, KnowsWhetherOneFeedIsThatOfAll) {
  FreshnessTable table;
  EXPECT_FALSE(table.IsOneOfAll());
  table.Add("");
  EXPECT_TRUE(table.IsOneOfAll());
  table.Add("a");
  EXPECT_FALSE(table.IsOneOfAll());
  std::vector<std::string> projects;
  table.ForEach([&](std::string_view project, const FeedFreshness& feed) {
    EXPECT_EQ(table.Find(project), &feed);
    projects.emplace_back(project);
  });
  EXPECT_EQ(projects, (std::vector<std::string>{"", "a"}));
}

TEST(FreshnessTableTest, TheOldestAgeIsThatOfTheWorstFeed) {
  FreshnessTable table;
  EXPECT_EQ(table.OldestAge(kNow), absl::InfiniteDuration());
  FeedFreshness& a = table.Add("a");
  FeedFreshness& b = table.Add("b");
  a.Confirm(kNow - absl::Seconds(1));
  EXPECT_EQ(table.OldestAge(kNow), absl::InfiniteDuration());
  b.Confirm(kNow - absl::Seconds(2));
  EXPECT_EQ(table.OldestAge(kNow), absl::Seconds(2));
  a.Refuse(FeedState::kProjectGone);
  EXPECT_EQ(table.OldestAge(kNow), absl::InfiniteDuration());
}

}  // namespace
}  // namespace pdp

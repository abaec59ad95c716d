#include "pdp/sync/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "pdp/sync/feed_test_support.h"

namespace pdp::sync {
namespace {

using ::testing::HasSubstr;

// Answers searches with the pages it was given, one after the other.
class ScriptedLogin : public ModelLogin {
 public:
  ScriptedLogin(ModelServer& server, std::vector<medplum::SearchPage> pages)
      : ModelLogin(server, "p"), pages_(std::move(pages)) {}

  absl::StatusOr<medplum::SearchPage> Search(std::string_view) override {
    return pages_.at(at_++);
  }
  absl::StatusOr<medplum::SearchPage> NextPage(std::string_view) override {
    return pages_.at(at_++);
  }

 private:
  const std::vector<medplum::SearchPage> pages_;
  size_t at_ = 0;
};

std::string Bot(std::string_view id, int second) {
  return StrCat(
      R"({"resourceType":"Bot","id":")", id,
      R"(","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:0)", second,
      R"(.000Z"}})");
}

TEST(ListingTest, APageThatCannotBeRightIsRefused) {
  struct Case {
    const char* name;
    std::vector<medplum::SearchPage> pages;
    const char* message;  // Empty: it is right.
  };
  const Case cases[] = {
      {"two pages",
       {{{Bot("a", 1), Bot("b", 1)}, "x"}, {{Bot("c", 2)}, ""}},
       ""},
      {"nothing", {{{}, ""}}, ""},
      {"the last page is empty", {{{Bot("a", 1)}, "x"}, {{}, ""}}, ""},
      {"an entry is sent twice, and one that is new",
       {{{Bot("a", 1), Bot("b", 1)}, "x"}, {{Bot("b", 1), Bot("c", 1)}, ""}},
       ""},
      {"out of order in a page",
       {{{Bot("a", 2), Bot("b", 1)}, ""}},
       "a page of Bot resources is not in the order of lastUpdated"},
      {"out of order between pages",
       {{{Bot("a", 2)}, "x"}, {{Bot("b", 1)}, ""}},
       "is not in the order of lastUpdated"},
      {"the same page again",
       {{{Bot("a", 1), Bot("b", 2)}, "x"}, {{Bot("b", 2)}, "y"}},
       "holds only what the page before held"},
      {"an empty page that is not the last",
       {{{}, "x"}},
       "is empty, and not the last"},
      {"a link to itself",
       {{{Bot("a", 1)}, "x"}, {{Bot("b", 2)}, "x"}},
       "names itself as the next page"},
      {"pages that are counted",
       {{{Bot("a", 1)}, "Bot?_count=1000&_offset=1000"}},
       "is paged by offset"},
      {"pages that go on by a cursor",
       {{{Bot("a", 1)}, "Bot?_cursor=1-2-3&_offset=0"}, {{Bot("b", 2)}, ""}},
       ""},
      {"another type",
       {{{R"({"resourceType":"Patient","id":"a",)"
          R"("meta":{"lastUpdated":"2026-01-01T00:00:00Z"}})"},
         ""}},
       "has an entry of another type"},
      {"no lastUpdated",
       {{{R"({"resourceType":"Bot","id":"a","meta":{}})"}, ""}},
       "without id or meta.lastUpdated"},
      {"cut short", {{{R"({"resourceType":"Bot",)"}, ""}}, "is not JSON"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    FeedFixture fixture;
    ScriptedLogin login(fixture.server, test.pages);
    FeedReads reads({.project = "p",
                     .api = &login,
                     .mirror = fixture.mirror.get(),
                     .budget = fixture.budget.get()});
    Listing listing(reads, {.type = "Bot"}, absl::InfinitePast());
    absl::Status status;
    while (status.ok() && !listing.done()) status = listing.Next().status();
    EXPECT_EQ(status.ok(), std::string_view(test.message).empty());
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(status));
    }
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message));
  }
}

TEST(ListingTest, RowsOfTheSameInstantAreAllListed) {
  FeedFixture fixture;
  for (int i = 0; i < 25; ++i) {
    fixture.server.Put({"Bot", StrCat("b", i)}, "p");
  }
  fixture.server.SetPageSize(4);
  Listing listing(*fixture.reads, {.type = "Bot"}, absl::InfinitePast());
  std::set<std::string> ids;
  while (!listing.done()) {
    const auto observations = listing.Next();
    ASSERT_TRUE(observations.ok());
    for (const Observation& observation : *observations) {
      ids.insert(observation.key.id);
    }
  }
  EXPECT_EQ(ids.size(), 25u);
  EXPECT_EQ(listing.last_updated(), fixture.server.Now());
}

TEST(ListingTest, InstantsAreReadInEveryZoneAndNothingElseIs) {
  const auto time = ParseInstant("2026-01-02T03:04:05.678Z");
  ASSERT_TRUE(time.ok());
  EXPECT_EQ(ToInstantText(*time), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(ParseInstant("2026-01-02T05:04:05.678+02:00").value(), *time);
  for (const char* text : {"", "2026-01-02", "infinite-past", "now",
                           "2026-01-02T03:04:05", "2026-01-02 03:04:05Z"}) {
    EXPECT_FALSE(ParseInstant(text).ok()) << text;
  }
}

}  // namespace
}  // namespace pdp::sync

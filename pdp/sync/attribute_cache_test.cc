#include "pdp/sync/attribute_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "tests/support/fake_clock.h"

namespace pdp::sync {
namespace {

using fhir::ElementSet;
using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;

constexpr absl::Duration kMaxAge = absl::Minutes(5);
constexpr absl::Duration kHold = absl::Seconds(5);

ElementSet Elements(std::initializer_list<std::string_view> names) {
  ElementSet set;
  for (const std::string_view name : names) set.Add(name);
  return set;
}

class AttributeCacheTest : public ::testing::Test {
 protected:
  AttributeCacheTest() : AttributeCacheTest(size_t{1} << 20) {}
  explicit AttributeCacheTest(size_t max_bytes)
      : cache_({.max_bytes = max_bytes,
                .max_age = kMaxAge,
                .hold = kHold,
                .clock = &clock_}),
        feed_(cache_.AddFeed("p", freshness_)),
        other_feed_(cache_.AddFeed("q", freshness_)) {
    Confirm();
  }

  // A round of the feed that found nothing.
  void Confirm() {
    coverage_->Confirm(clock_.SinceBoot());
    freshness_.Confirm(clock_.SinceBoot());
  }

  AttributeCache::Fetched Patient(std::string_view version,
                                  const ElementSet& elements) {
    const auto part = fhir::Resource::ParsePart(
        StrCat(R"({"resourceType":"Patient","id":"1","gender":"female",)",
               R"("birthDate":"1980-01-01","meta":{"versionId":")", version,
               R"("}})"),
        elements);
    EXPECT_TRUE(part.ok()) << part.status();
    return {.result = {.state = LookupState::kFound, .resource = *part},
            .ticket = order_.Begin(),
            .began = clock_.SinceBoot(),
            .coverage = coverage_};
  }
  AttributeCache::Fetched Nothing(LookupState state) {
    return {.result = {.state = state},
            .ticket = order_.Begin(),
            .began = clock_.SinceBoot(),
            .coverage = nullptr};
  }

  LookupState Read(const ElementSet& elements, std::string_view project = "p") {
    return cache_.Read(key_, elements, project).state;
  }

  FakeClock clock_;
  FeedFreshness freshness_;
  ReadOrder order_;
  std::shared_ptr<Coverage> coverage_ = std::make_shared<Coverage>();
  AttributeCache cache_;
  AttributeCache::FeedId feed_;
  AttributeCache::FeedId other_feed_;
  const ResourceKey key_{"Patient", "1"};
  const ElementSet gender_ = Elements({"gender"});
  const ElementSet both_ = Elements({"birthDate", "gender"});
};

TEST_F(AttributeCacheTest, WhatIsNotThereIsWantedAndPending) {
  EXPECT_FALSE(cache_.Wanted(feed_, key_).has_value());
  EXPECT_EQ(Read(gender_), LookupState::kPending);
  EXPECT_EQ(cache_.Wanted(feed_, key_), gender_);
  cache_.Put(feed_, key_, Patient("v1", gender_));
  EXPECT_FALSE(cache_.Wanted(feed_, key_).has_value());
  EXPECT_EQ(Read(gender_), LookupState::kFound);
  EXPECT_EQ(Read(ElementSet::Least()), LookupState::kFound);
  EXPECT_EQ(cache_.statistics().entries, 1u);
  EXPECT_EQ(cache_.statistics().hits, 2u);
  EXPECT_EQ(cache_.statistics().misses, 1u);
}

TEST_F(AttributeCacheTest, WhatLacksAnElementIsReadAgainWithThatAndTheOthers) {
  cache_.Put(feed_, key_, Patient("v1", gender_));
  EXPECT_EQ(Read(Elements({"birthDate"})), LookupState::kPending);
  EXPECT_EQ(cache_.Wanted(feed_, key_), both_);
  cache_.Put(feed_, key_, Patient("v1", both_));
  EXPECT_EQ(Read(Elements({"birthDate"})), LookupState::kFound);
  EXPECT_EQ(Read(gender_), LookupState::kFound);
}

TEST_F(AttributeCacheTest, AWholeResourceIsHeldForAMomentOnly) {
  cache_.Put(feed_, key_, Patient("v1", gender_));
  EXPECT_EQ(Read(ElementSet::Whole()), LookupState::kPending);
  EXPECT_EQ(cache_.Wanted(feed_, key_), ElementSet::Whole());
  cache_.Put(feed_, key_, Patient("v1", ElementSet::Whole()));
  EXPECT_EQ(Read(ElementSet::Whole()), LookupState::kFound);
  EXPECT_EQ(cache_.statistics().entries, 2u);
  clock_.Advance(kHold);
  cache_.Purge();
  EXPECT_EQ(cache_.statistics().entries, 1u);
  EXPECT_EQ(Read(ElementSet::Whole()), LookupState::kPending);
  EXPECT_EQ(Read(gender_), LookupState::kFound);
}

TEST_F(AttributeCacheTest, WhatDoesNotExistIsHeldForAMomentOnly) {
  for (const LookupState state : {LookupState::kAbsent, LookupState::kDeleted,
                                  LookupState::kUnavailable}) {
    cache_.Put(feed_, key_, Nothing(state));
    EXPECT_EQ(Read(ElementSet::Whole()), state);
    clock_.Advance(kHold);
    EXPECT_EQ(Read(gender_), LookupState::kPending);
  }
}

TEST_F(AttributeCacheTest, NothingIsGivenThatIsOlderThanTheFeedSaysItIs) {
  cache_.Put(feed_, key_, Patient("v1", gender_));
  clock_.Advance(absl::Seconds(15));
  // A round that did not look for what changed of the type.
  freshness_.Confirm(clock_.SinceBoot());
  EXPECT_EQ(Read(gender_), LookupState::kPending);
  Confirm();
  EXPECT_EQ(Read(gender_), LookupState::kFound);
  coverage_->End();
  EXPECT_EQ(Read(gender_), LookupState::kPending);
}

TEST_F(AttributeCacheTest, WhatIsCoveredByNothingLastsUntilTheNextRound) {
  AttributeCache::Fetched fetched = Patient("v1", gender_);
  fetched.coverage = nullptr;
  cache_.Put(feed_, key_, std::move(fetched));
  EXPECT_EQ(Read(gender_), LookupState::kFound);
  clock_.Advance(absl::Milliseconds(1));
  Confirm();
  EXPECT_EQ(Read(gender_), LookupState::kPending);
}

TEST_F(AttributeCacheTest, NothingLastsLongerThanItsAge) {
  cache_.Put(feed_, key_, Patient("v1", gender_));
  clock_.Advance(kMaxAge);
  Confirm();
  EXPECT_EQ(Read(gender_), LookupState::kFound);
  clock_.Advance(absl::Milliseconds(1));
  Confirm();
  EXPECT_EQ(Read(gender_), LookupState::kPending);
}

TEST_F(AttributeCacheTest, OneFeedIsNotGivenWhatAnotherRead) {
  cache_.Put(feed_, key_, Patient("v1", gender_));
  EXPECT_EQ(Read(gender_, "q"), LookupState::kPending);
  EXPECT_EQ(cache_.FindHeld(key_, "q").state, LookupState::kUnavailable);
  EXPECT_FALSE(cache_.Wanted(feed_, key_).has_value());
  EXPECT_EQ(Read(gender_, "unknown"), LookupState::kUnavailable);
  cache_.Invalidate(other_feed_, key_, order_.Last());
  EXPECT_EQ(Read(gender_), LookupState::kFound);
}

TEST_F(AttributeCacheTest, AReadThatBeganBeforeAChangeWasSeenIsNotKept) {
  for (const bool is_whole : {false, true}) {
    SCOPED_TRACE(is_whole);
    const ElementSet& elements = is_whole ? ElementSet::Whole() : gender_;
    AttributeCache::Fetched early = Patient("v1", elements);
    AttributeCache::Fetched late = early;
    late.ticket = order_.Begin();
    cache_.Invalidate(feed_, key_, early.ticket);
    EXPECT_EQ(Read(elements), LookupState::kPending);
    cache_.Put(feed_, key_, std::move(early));
    EXPECT_EQ(Read(elements), LookupState::kPending);
    EXPECT_TRUE(cache_.Wanted(feed_, key_).has_value());
    cache_.Put(feed_, key_, std::move(late));
    EXPECT_EQ(Read(elements), LookupState::kFound);
  }
}

TEST_F(AttributeCacheTest, WhatASweepListsStaysWhereItIsThatVersion) {
  AttributeCache::Fetched under_way = Patient("v0", gender_);
  cache_.Put(feed_, key_, Patient("v1", gender_));
  cache_.Seen(feed_, key_, "v1", order_.Last());
  EXPECT_EQ(Read(gender_), LookupState::kFound);
  // What was being read meanwhile may be of before.
  under_way.ticket = order_.Last();
  cache_.Put(feed_, key_, std::move(under_way));
  EXPECT_EQ(cache_.FindHeld(key_, "p").resource->version_id(), "v1");
  cache_.Seen(feed_, key_, "v2", order_.Last());
  EXPECT_EQ(Read(gender_), LookupState::kPending);
  cache_.Put(feed_, key_, Patient("v2", gender_));
  cache_.Seen(feed_, key_, /*version_id=*/"", order_.Last());
  EXPECT_EQ(Read(gender_), LookupState::kPending);
}

TEST_F(AttributeCacheTest, AReadThatASweepOvertakesIsKeptWhereItSaysTheSame) {
  const struct {
    const char* name;
    std::vector<std::string> seen;  // Empty: a notification.
    LookupState want;
  } kCases[] = {
      {"TheSame", {"v1"}, LookupState::kFound},
      {"Another", {"v2"}, LookupState::kPending},
      {"Deleted", {"-"}, LookupState::kPending},
      {"TheSameThenAnother", {"v1", "v2"}, LookupState::kPending},
      {"TheSameThenDeleted", {"v1", "-"}, LookupState::kPending},
      {"TheSameThenANotification", {"v1", ""}, LookupState::kPending},
      {"ANotificationThenTheSame", {"", "v1"}, LookupState::kFound},
  };
  for (const auto& test_case : kCases) {
    SCOPED_TRACE(test_case.name);
    cache_.Invalidate(feed_, key_, order_.Last());
    EXPECT_EQ(Read(gender_), LookupState::kPending);
    AttributeCache::Fetched under_way = Patient("v1", gender_);
    for (const std::string& version : test_case.seen) {
      if (version.empty()) {
        cache_.Invalidate(feed_, key_, order_.Last());
      } else {
        cache_.Seen(feed_, key_, version == "-" ? "" : version, order_.Last());
      }
    }
    cache_.Put(feed_, key_, std::move(under_way));
    EXPECT_EQ(Read(gender_), test_case.want);
  }
}

TEST_F(AttributeCacheTest, AnEarlierReadDoesNotReplaceALaterOne) {
  AttributeCache::Fetched early = Patient("v1", gender_);
  cache_.Put(feed_, key_, Patient("v2", gender_));
  cache_.Put(feed_, key_, std::move(early));
  EXPECT_EQ(cache_.FindHeld(key_, "p").resource->version_id(), "v2");
}

class SmallAttributeCacheTest : public AttributeCacheTest {
 protected:
  SmallAttributeCacheTest() : AttributeCacheTest(size_t{64} << 10) {}
};

TEST_F(SmallAttributeCacheTest, TakesNoMoreThanItMay) {
  const AttributeCache::Fetched patient = Patient("v1", gender_);
  for (int i = 0; i < 1'000; ++i) {
    AttributeCache::Fetched fetched = patient;
    fetched.ticket = order_.Begin();
    if (i % 2 == 0) fetched.coverage = nullptr;
    const ResourceKey key{"Patient", StrCat(i)};
    cache_.Put(feed_, key, std::move(fetched));
    EXPECT_EQ(cache_.FindHeld(key, "p").state, LookupState::kFound) << i;
    EXPECT_LE(cache_.statistics().bytes, size_t{64} << 10);
  }
}

}  // namespace
}  // namespace pdp::sync

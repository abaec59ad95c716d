#include "pdp/sync/feed_attributes.h"

#include <gtest/gtest.h>

#include <future>
#include <random>
#include <string>
#include <string_view>

#include "pdp/sync/feed_test_support.h"

namespace pdp::sync {
namespace {

using fhir::ElementSet;
using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;

constexpr std::string_view kFemale = R"(,"gender":"female","active":true)";
constexpr std::string_view kMale = R"(,"gender":"male","active":true)";

class FeedAttributesTest : public ::testing::Test {
 protected:
  FeedAttributesTest() {
    gender_.Add("gender");
    world_.server.Put(patient_, "p", kFemale);
    EXPECT_TRUE(world_.rounds->Run().ok());
    world_.attributes->Start();
  }

  // Reads what is wanted.
  absl::Status Fetch(const ResourceKey& key) {
    std::promise<absl::Status> status;
    world_.attributes->Read(
        key, [&](const absl::Status& done) { status.set_value(done); });
    return status.get_future().get();
  }

  LookupResult Look(const ResourceKey& key, const ElementSet& elements) {
    return world_.cache->Read(key, elements, "p");
  }
  LookupResult Look() { return Look(patient_, gender_); }

  // As a decision does; whether it had to fetch.
  LookupResult Decide(const ResourceKey& key, const ElementSet& elements,
                      bool* fetched = nullptr) {
    LookupResult result = Look(key, elements);
    if (fetched != nullptr) *fetched = result.state == LookupState::kPending;
    if (result.state != LookupState::kPending) return result;
    EXPECT_TRUE(Fetch(key).ok());
    return Look(key, elements);
  }
  LookupResult Decide() { return Decide(patient_, gender_); }

  // The next round, a while later.
  absl::Status Round() {
    world_.clock.Advance(absl::Seconds(15));
    return world_.rounds->Run();
  }

  size_t SearchesFor(std::string_view type) {
    size_t count = 0;
    for (const std::string& asked : world_.login->TakeAsked()) {
      count += asked.starts_with(StrCat("Search ", type, "?"));
    }
    return count;
  }

  FeedFixture world_;
  const ResourceKey patient_{"Patient", "30000000-0000-4000-8000-000000000001"};
  ElementSet gender_;
};

TEST_F(FeedAttributesTest, KeepsNothingButTheElementsThatAreWanted) {
  const LookupResult found = Decide();
  ASSERT_EQ(found.state, LookupState::kFound);
  EXPECT_NE(found.resource->json().find("female"), std::string_view::npos);
  EXPECT_EQ(found.resource->json().find("active"), std::string_view::npos);
  EXPECT_EQ(found.resource->project(), "p");
}

TEST_F(FeedAttributesTest, ASweepFindsWhatChanged) {
  ASSERT_EQ(Decide().state, LookupState::kFound);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(Look().state, LookupState::kFound);
  world_.server.Put(patient_, "p", kMale);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(Look().state, LookupState::kPending);
  EXPECT_NE(Decide().resource->json().find("\"male\""), std::string_view::npos);
  world_.server.Delete(patient_);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(Decide().state, LookupState::kDeleted);
  world_.server.Put(patient_, "p", kFemale);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(Decide().state, LookupState::kFound);
}

TEST_F(FeedAttributesTest, OnlyTypesOfWhichSomethingIsKeptAreSwept) {
  SearchesFor("Patient");
  ASSERT_TRUE(Round().ok());
  const size_t before = SearchesFor("Patient");  // For its tombstones.
  ASSERT_EQ(Decide().state, LookupState::kFound);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(SearchesFor("Patient"), before + 3);
  // Nothing of it was asked for: it is not followed for ever.
  for (int i = 0; i < 21; ++i) ASSERT_TRUE(Round().ok());
  SearchesFor("Patient");
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(SearchesFor("Patient"), before);
  EXPECT_EQ(Look().state, LookupState::kPending);
}

TEST_F(FeedAttributesTest, ATypeThatCannotBeSweptIsNotKept) {
  ASSERT_EQ(Decide().state, LookupState::kFound);
  world_.login->SetBefore([](std::string_view what) {
    return what.starts_with(
               "Search Patient?_sort=_lastUpdated&_count=1000"
               "&_project=p&_lastUpdated") &&
                   what.find("_deleted") == std::string_view::npos
               ? absl::UnavailableError("too slow")
               : absl::OkStatus();
  });
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(Look().state, LookupState::kPending);
  // It is read for each call then, and policies are followed all the same.
  EXPECT_EQ(Decide().state, LookupState::kFound);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(Look().state, LookupState::kPending);
}

TEST_F(FeedAttributesTest, AClockThatWasSetBackEndsWhatIsKept) {
  ASSERT_EQ(Decide().state, LookupState::kFound);
  world_.server.SetSkew(-absl::Hours(1));
  world_.server.Put(patient_, "p", kMale);
  ASSERT_TRUE(Round().ok());
  EXPECT_NE(Look().state, LookupState::kFound);
  EXPECT_NE(Decide().resource->json().find("\"male\""), std::string_view::npos);
}

TEST_F(FeedAttributesTest, WhatIsOfAnotherProjectIsNotKept) {
  world_.server.Put(patient_, "linked", kFemale);
  ASSERT_EQ(Decide().state, LookupState::kFound);
  ASSERT_TRUE(Round().ok());
  EXPECT_EQ(Look().state, LookupState::kPending);
}

TEST_F(FeedAttributesTest, AServerThatDoesNotAnswerMakesAnError) {
  EXPECT_EQ(Look().state, LookupState::kPending);
  world_.login->SetBefore([](std::string_view what) {
    return what.starts_with("Read Patient") ? absl::UnavailableError("away")
                                            : absl::OkStatus();
  });
  EXPECT_EQ(Fetch(patient_).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Look().state, LookupState::kPending);
  world_.login->SetBefore([](std::string_view what) {
    return what.starts_with("Read Patient") ? absl::PermissionDeniedError("no")
                                            : absl::OkStatus();
  });
  const LookupResult refused = Decide();
  EXPECT_EQ(refused.state, LookupState::kUnavailable);
  EXPECT_NE(refused.advice.find("login"), std::string_view::npos);
}

TEST_F(FeedAttributesTest, AReadIsNotMadeTwiceForWhoCameMeanwhile) {
  EXPECT_EQ(Look().state, LookupState::kPending);
  world_.login->TakeAsked();
  ASSERT_TRUE(Fetch(patient_).ok());
  ASSERT_TRUE(Fetch(patient_).ok());
  EXPECT_EQ(world_.login->TakeAsked().size(), 1u);
}

// Whatever happens in whatever order, what a decision is given was so at some
// moment since the feed's last round.
TEST_F(FeedAttributesTest, WhatIsGivenWasTrueAtTheLastRoundOrLater) {
  std::mt19937 random(20'261'121);
  const auto chance = [&](unsigned one_in) { return random() % one_in == 0; };
  const char* const kTypes[] = {"Patient", "Observation", "Encounter"};
  std::vector<ResourceKey> keys;
  for (const char* const type : kTypes) {
    for (int i = 0; i < 3; ++i) keys.push_back({type, StrCat("r", i)});
  }
  // Versions that were there since the last round began; "" for none.
  std::map<ResourceKey, std::set<std::string>> since;
  const auto now = [&](const ResourceKey& key) {
    const auto rows = world_.server.rows();
    const auto row = rows.find(key);
    return row == rows.end() || row->second.deleted ? std::string()
                                                    : row->second.version;
  };
  const auto note = [&](const ResourceKey& key) {
    since[key].insert(now(key));
  };
  for (const ResourceKey& key : keys) note(key);
  int given = 0;
  int fetches = 0;
  for (int step = 0; step < 4'000; ++step) {
    world_.clock.Advance(absl::Milliseconds(random() % 1'000));
    const ResourceKey& key = keys[random() % keys.size()];
    switch (random() % 8) {
      case 0:
        // Up to so late is it seen; the overlap is longer.
        world_.server.Put(key, "p", chance(2) ? kMale : kFemale,
                          absl::Milliseconds(random() % 5'000));
        note(key);
        break;
      case 1:
        if (chance(3)) world_.server.Delete(key);
        note(key);
        break;
      case 2: {
        if (!chance(3)) break;
        if (chance(10)) world_.server.SetSkew(absl::Seconds(random() % 7'200));
        const auto before = since;
        since.clear();
        for (const ResourceKey& each : keys) note(each);
        const std::string failing =
            chance(6) ? StrCat("Search ", kTypes[random() % 3]) : "none";
        world_.login->SetBefore([=](std::string_view what) {
          return what.starts_with(failing) ? absl::UnavailableError("away")
                                           : absl::OkStatus();
        });
        if (!world_.rounds->Run().ok()) {
          for (const auto& [k, versions] : before) {
            since[k].insert(versions.begin(), versions.end());
          }
        }
        world_.login->SetBefore({});
        break;
      }
      case 3:
        if (chance(3)) world_.attributes->Invalidate(key);
        break;
      default: {
        ElementSet elements = gender_;
        if (chance(5)) elements.Add("active");
        if (chance(10)) elements.AddAll();
        bool fetched = false;
        const LookupResult result = Decide(key, elements, &fetched);
        given += !fetched;
        fetches += fetched;
        std::string version;
        if (result.state == LookupState::kFound) {
          ASSERT_TRUE(result.resource->Has(elements));
          version = result.resource->version_id();
        } else {
          ASSERT_TRUE(result.state == LookupState::kAbsent ||
                      result.state == LookupState::kDeleted)
              << static_cast<int>(result.state);
        }
        ASSERT_TRUE(since[key].contains(version))
            << "step " << step << ": " << key.ToString() << " " << version;
      }
    }
  }
  EXPECT_GT(given, 300);
  EXPECT_GT(fetches, 300);
}

}  // namespace
}  // namespace pdp::sync

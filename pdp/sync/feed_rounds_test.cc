#include "pdp/sync/feed_rounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pdp/sync/feed_test_support.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kMember =
    R"(,"project":{"reference":"Project/p"},"profile":{"reference":"Practitioner/x"})";

// A feed of a project with something of each kind.
class FeedRoundsTest : public ::testing::Test, protected FeedFixture {
 protected:
  FeedRoundsTest() {
    for (const char* id : {"a", "b", "c", "d", "e"}) {
      clock.Advance(absl::Seconds(1));
      server.Put({"AccessPolicy", id}, "p");
      server.Put({"ProjectMembership", id}, "p", kMember);
    }
    server.Put({"Bot", "gone"}, "p");
    server.Delete({"Bot", "gone"});
    clock.Advance(absl::Hours(1));
  }

  void ExpectInStep() { EXPECT_EQ(Held(), Expected()); }
};

TEST_F(FeedRoundsTest, ARoundLoadsTheProjectAndConfirmsItsOwnBeginning) {
  EXPECT_FALSE(*rounds->IsLoaded());
  const absl::Duration before = clock.SinceBoot();
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_TRUE(*rounds->IsLoaded());
  EXPECT_EQ(Held().size(), 11u);
  ExpectInStep();
  EXPECT_EQ(freshness->state(), FeedState::kCurrent);
  EXPECT_EQ(freshness->as_of(), before);
  EXPECT_EQ(loaded, 10u);
  EXPECT_EQ(rounds->resources(), 11u);
  EXPECT_EQ(server_version, "5.1.29");
}

TEST_F(FeedRoundsTest, ASweepFindsWhatChanged) {
  ASSERT_TRUE(rounds->Run().ok());
  clock.Advance(absl::Seconds(15));
  server.Put({"AccessPolicy", "a"}, "p");
  server.Put({"UserConfiguration", "new"}, "p");
  server.Delete({"ProjectMembership", "b"});
  server.Put({"Bot", "gone"}, "p");
  clock.Advance(absl::Seconds(15));
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
  EXPECT_EQ(freshness->as_of(), clock.SinceBoot());
  const auto record = store->Get({"ProjectMembership", "b"});
  EXPECT_TRUE((*record)->deleted);
}

// What is written by a long transaction appears with an earlier time.
TEST_F(FeedRoundsTest, ASweepReachesBackByTheOverlap) {
  ASSERT_TRUE(rounds->Run().ok());
  clock.Advance(absl::Seconds(15));
  ASSERT_TRUE(rounds->Run().ok());
  server.Put({"AccessPolicy", "late"}, "p", "", /*ago=*/absl::Seconds(29));
  server.Delete({"AccessPolicy", "a"}, /*ago=*/absl::Seconds(29));
  clock.Advance(absl::Seconds(1));
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
}

TEST_F(FeedRoundsTest, ASweepAsksOnlyForWhatIsNew) {
  ASSERT_TRUE(rounds->Run().ok());
  login->TakeAsked();
  ASSERT_TRUE(rounds->Run().ok());
  const std::vector<std::string> asked = login->TakeAsked();
  // The living twice and the deleted of five types, the deleted of three, the
  // Project.
  EXPECT_EQ(asked.size(), 19u);
  for (const std::string& what : asked) {
    if (what == "Read Project/p") continue;
    EXPECT_THAT(what, HasSubstr("_lastUpdated=ge"));
    EXPECT_THAT(what, HasSubstr("_project=p"));
    EXPECT_THAT(what, HasSubstr("_sort=_lastUpdated&_count=1000"));
  }
}

TEST_F(FeedRoundsTest, WhatIsBackBeforeTheDeletedAreListedIsFound) {
  ASSERT_TRUE(rounds->Run().ok());
  clock.Advance(absl::Seconds(15));
  server.Delete({"AccessPolicy", "a"});
  clock.Advance(absl::Seconds(1));
  login->SetBefore([&](std::string_view what) {
    if (what.find("Search AccessPolicy") == 0 &&
        what.find("_deleted=true") != std::string_view::npos) {
      server.Put({"AccessPolicy", "a"}, "p");
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
}

TEST_F(FeedRoundsTest, ADeletedProfileIsKnownAndSoIsItsReturn) {
  server.Put({"Practitioner", "x"}, "p");
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
  server.Delete({"Practitioner", "x"});
  clock.Advance(absl::Seconds(15));
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_EQ(Held()["Practitioner/x"], "deleted");
  ExpectInStep();
  server.Put({"Practitioner", "x"}, "p");
  clock.Advance(absl::Seconds(15));
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
}

TEST_F(FeedRoundsTest, LinkedProjectsAndForeignPoliciesAreReadWithEachSweep) {
  server.Put({"AccessPolicy", "far"}, "other");
  server.Put({"Project", "linked"}, "linked");
  server.Put({"Project", "p"}, "p",
             R"(,"link":[{"project":{"reference":"Project/linked"}}])");
  server.Put({"ProjectMembership", "guest"}, "p",
             R"(,"project":{"reference":"Project/p"},)"
             R"("profile":{"reference":"Practitioner/y"},)"
             R"("accessPolicy":{"reference":"AccessPolicy/far"})");
  const auto version = [&](const ResourceKey& key) -> std::string {
    const auto record = store->Get(key);
    if (!record.ok() || !record->has_value()) return "nothing";
    return (*record)->deleted ? "deleted" : (*record)->version_id;
  };
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_EQ(version({"AccessPolicy", "far"}),
            server.rows().at({"AccessPolicy", "far"}).version);
  for (int i = 0; i < 2; ++i) {
    const std::string policy = server.Put({"AccessPolicy", "far"}, "other");
    const std::string linked = server.Put({"Project", "linked"}, "linked");
    clock.Advance(absl::Seconds(15));
    ASSERT_TRUE(rounds->Run().ok());
    EXPECT_EQ(version({"AccessPolicy", "far"}), policy);
    EXPECT_EQ(version({"Project", "linked"}), linked);
    Restart();
  }
  ASSERT_TRUE(rounds->Run().ok());
  server.Delete({"AccessPolicy", "far"});
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_NE(version({"AccessPolicy", "far"}), "v1");
}

TEST_F(FeedRoundsTest, WhatIsGoneForGoodIsFoundByAFullSweep) {
  ASSERT_TRUE(rounds->Run().ok());
  server.Expunge({"ProjectMembership", "a"});
  server.Expunge({"AccessPolicy", "b"});
  clock.Advance(absl::Seconds(15));
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_NE(Held(), Expected());
  ASSERT_TRUE(FullSweep().ok());
  ExpectInStep();
  EXPECT_EQ(rounds->resources(), 9u);
}

// Stamped further back than any sweep reaches.
TEST_F(FeedRoundsTest, WhatSweepsPassedByIsFoundByAFullSweep) {
  server.Put({"Practitioner", "x"}, "p");
  ASSERT_TRUE(rounds->Run().ok());
  server.Put({"AccessPolicy", "old"}, "p", "", absl::Hours(2));
  server.Put({"AccessPolicy", "a"}, "p", "", absl::Hours(2));
  server.Delete({"ProjectMembership", "b"}, absl::Hours(2));
  server.Delete({"Practitioner", "x"}, absl::Hours(2));
  clock.Advance(absl::Seconds(15));
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_NE(Held(), Expected());
  ASSERT_TRUE(FullSweep().ok());
  ExpectInStep();
}

TEST_F(FeedRoundsTest, FullSweepsComeAtTheirInterval) {
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_FALSE(rounds->HasStep());
  clock.Advance(absl::Minutes(5));
  ASSERT_TRUE(rounds->HasStep());
  ASSERT_TRUE(FullSweep().ok());
  clock.Advance(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_FALSE(rounds->HasStep());
  clock.Advance(absl::Seconds(1));
  EXPECT_TRUE(rounds->HasStep());
}

TEST_F(FeedRoundsTest, AfterALongAbsenceAFullSweepComesBeforeFreshness) {
  ASSERT_TRUE(rounds->Run().ok());
  server.Expunge({"ProjectMembership", "a"});
  clock.Advance(absl::Minutes(6));
  Restart();
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
}

TEST_F(FeedRoundsTest, AfterALongOutageAFullSweepComesBeforeFreshness) {
  ASSERT_TRUE(rounds->Run().ok());
  server.Expunge({"ProjectMembership", "a"});
  login->SetBefore(
      [](std::string_view) { return absl::UnavailableError("away"); });
  clock.Advance(absl::Minutes(10));
  EXPECT_FALSE(rounds->Run().ok());
  login->SetBefore({});
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
}

// So that the interval is not stretched by it.
TEST_F(FeedRoundsTest, TheFirstLoadIsNoPartOfWhatASweepCosts) {
  server.SetPageSize(1);
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_EQ(rounds->sweep_cost(), 26u);
  clock.Advance(absl::Hours(1));
  ASSERT_TRUE(rounds->Run().ok());
  clock.Advance(absl::Minutes(1));
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_EQ(rounds->sweep_cost(), 18u);
}

TEST_F(FeedRoundsTest, AfterAShortAbsenceASweepIsEnough) {
  ASSERT_TRUE(rounds->Run().ok());
  clock.Advance(absl::Minutes(2));
  server.Delete({"ProjectMembership", "a"});
  clock.Advance(absl::Minutes(2));
  Restart();
  EXPECT_TRUE(*rounds->IsLoaded());
  EXPECT_EQ(freshness->state(), FeedState::kLoading);
  login->TakeAsked();
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
  EXPECT_THAT(
      login->TakeAsked(),
      Not(Contains("Search Bot?_sort=_lastUpdated&_count=1000&_project=p")));
  EXPECT_FALSE(rounds->HasStep());
  clock.Advance(absl::Minutes(1));
  EXPECT_TRUE(rounds->HasStep());
}

TEST_F(FeedRoundsTest, AServersClockThatWentBackHidesNothing) {
  for (const absl::Duration back : {absl::Seconds(10), absl::Minutes(10)}) {
    SCOPED_TRACE(absl::FormatDuration(back));
    server.SetSkew(absl::ZeroDuration());
    clock.Advance(absl::Hours(1));
    ASSERT_TRUE(rounds->Run().ok());
    ASSERT_TRUE(FullSweep().ok());
    clock.Advance(absl::Seconds(1));
    server.SetSkew(-back);
    server.Put({"AccessPolicy", "a"}, "p");
    server.Put({"AccessPolicy", StrCat("new", absl::ToInt64Seconds(back))},
               "p");
    server.Delete({"ProjectMembership", "b"});
    // Past the moment that the server had reached.
    clock.Advance(absl::Minutes(11));
    ASSERT_TRUE(rounds->Run().ok());
    ExpectInStep();
    clock.Advance(absl::Seconds(15));
    server.Put({"AccessPolicy", "a"}, "p");
    ASSERT_TRUE(rounds->Run().ok());
    ExpectInStep();
  }
}

TEST_F(FeedRoundsTest, AServersClockThatWentBackMeanwhileLeadsToAFullSweep) {
  ASSERT_TRUE(rounds->Run().ok());
  server.SetSkew(-absl::Minutes(3));
  server.Put({"AccessPolicy", "a"}, "p");
  server.Delete({"ProjectMembership", "b"});
  clock.Advance(absl::Minutes(1));
  Restart();
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
}

TEST_F(FeedRoundsTest, AServerThatDoesNotSayItsTimeIsSweptFromWhereItWas) {
  server.SetSaysTime(false);
  ASSERT_TRUE(rounds->Run().ok());
  server.Put({"AccessPolicy", "a"}, "p");
  server.Delete({"ProjectMembership", "b"});
  clock.Advance(absl::Minutes(2));
  ASSERT_TRUE(rounds->Run().ok());
  ExpectInStep();
}

TEST_F(FeedRoundsTest, ALoadThatIsCutShortGoesOnWhereItWas) {
  server.SetPageSize(2);
  int calls = 0;
  // The process dies at the nth question, for each n.
  for (int at = 0; at < 200; ++at) {
    calls = 0;
    login->SetBefore([&](std::string_view) {
      return ++calls > at ? absl::UnavailableError("killed") : absl::OkStatus();
    });
    const absl::Status status = rounds->Run();
    if (status.ok()) {
      ExpectInStep();
      EXPECT_GT(at, 5);
      return;
    }
    EXPECT_EQ(freshness->state(), FeedState::kLoading);
    Restart();
  }
  FAIL() << "never complete";
}

TEST_F(FeedRoundsTest, PagesThatWereLoadedAreNotLoadedAgain) {
  server.SetPageSize(2);
  login->SetBefore([&](std::string_view what) {
    return what.find("ProjectMembership") == std::string_view::npos ||
                   what.find("NextPage") == std::string_view::npos
               ? absl::OkStatus()
               : absl::UnavailableError("killed");
  });
  ASSERT_FALSE(rounds->Run().ok());
  Restart();
  login->TakeAsked();
  ASSERT_TRUE(rounds->Run().ok());
  std::vector<std::string> whole;
  for (const std::string& what : login->TakeAsked()) {
    if (what.find("Search") == 0 &&
        what.find("_lastUpdated=ge") == std::string::npos) {
      whole.push_back(what);
    }
  }
  EXPECT_THAT(whole, ::testing::ElementsAre(HasSubstr(
                         "ProjectMembership?_sort=_lastUpdated&_count=1000&"
                         "_project=p&_deleted=true")));
  ExpectInStep();
}

TEST_F(FeedRoundsTest, WhatChangesBetweenTwoPagesOfTheFirstLoadIsNotLost) {
  server.SetPageSize(2);
  const std::vector<std::function<void()>> changes = {
      [&] {
        server.Put({"AccessPolicy", "a"}, "p");
      },
      [&] {
        server.Delete({"AccessPolicy", "a"});
      },
      [&] {
        server.Delete({"AccessPolicy", "c"});
      },
      [&] {
        server.Put({"AccessPolicy", "e"}, "p");
      },
      [&] {
        server.Put({"AccessPolicy", "0"}, "p");
      },
      [&] {
        server.Expunge({"AccessPolicy", "d"});
      }};
  bool done = false;
  login->SetBefore([&](std::string_view what) {
    if (what.find("NextPage AccessPolicy") != std::string_view::npos && !done) {
      done = true;
      clock.Advance(absl::Seconds(1));
      for (const auto& change : changes) change();
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(rounds->Run().ok());
  EXPECT_TRUE(done);
  ExpectInStep();
}

TEST_F(FeedRoundsTest, ASuperAdminsFeedHoldsEveryProject) {
  FeedFixture all("");
  all.server.Put({"Project", "super"}, "super");
  all.server.Put({"Project", "p"}, "p");
  all.server.Put({"AccessPolicy", "a"}, "p");
  all.server.Put({"AccessPolicy", "b"}, "q");
  ASSERT_TRUE(all.rounds->Run().ok());
  EXPECT_EQ(all.Held().size(), 4u);
  EXPECT_EQ(all.Held(), all.Expected());
  all.clock.Advance(absl::Seconds(15));
  all.server.Put({"Project", "q"}, "q");
  all.server.Delete({"Project", "p"});
  ASSERT_TRUE(all.rounds->Run().ok());
  EXPECT_EQ(all.Held(), all.Expected());
}

struct RefusalCase {
  const char* name;
  // The question, by its beginning, and its answer.
  const char* what;
  absl::Status answer;
  FeedState state;
  const char* message;
};

TEST_F(FeedRoundsTest, EachRefusalHasItsStateAndEndsWithACompleteRound) {
  const RefusalCase cases[] = {
      {"credentials refused while sweeping", "Search AccessPolicy",
       absl::UnauthenticatedError("401"), FeedState::kCredentialsRefused,
       "401"},
      {"credentials refused at the first question", "Read Project",
       absl::UnauthenticatedError("401"), FeedState::kCredentialsRefused,
       "401"},
      {"a type may not be read", "Search ProjectMembership",
       absl::PermissionDeniedError("ProjectMembership: 403"),
       FeedState::kAccessMissing, "ProjectMembership: 403"},
      {"deleted profiles may not be read", "Search Patient",
       absl::PermissionDeniedError("403"), FeedState::kAccessMissing, "403"},
      {"every request of a deleted project is wrong", "",
       absl::InvalidArgumentError("400"), FeedState::kProjectGone, "is gone"},
      {"a search that is wrong is only a failure", "Search Bot",
       absl::InvalidArgumentError("400"), FeedState::kCurrent, "400"},
      {"no connection", "", absl::UnavailableError("no connection"),
       FeedState::kCurrent, "no connection"},
      {"an answer that cannot be understood", "Search Bot",
       absl::DataLossError("cut"), FeedState::kCurrent, "cut"},
  };
  ASSERT_TRUE(rounds->Run().ok());
  for (const RefusalCase& test : cases) {
    SCOPED_TRACE(test.name);
    login->SetBefore([&](std::string_view what) {
      return what.substr(0, std::string_view(test.what).size()) == test.what
                 ? test.answer
                 : absl::OkStatus();
    });
    const absl::Duration as_of = freshness->as_of();
    clock.Advance(absl::Seconds(15));
    const absl::Status status = rounds->Run();
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message));
    EXPECT_EQ(freshness->state(), test.state);
    if (test.state == FeedState::kCurrent) {
      EXPECT_EQ(freshness->as_of(), as_of);
    }
    login->SetBefore({});
    clock.Advance(absl::Seconds(15));
    EXPECT_TRUE(rounds->Run().ok());
    EXPECT_EQ(freshness->as_of(), clock.SinceBoot());
    ExpectInStep();
  }
}

TEST_F(FeedRoundsTest, AProjectThatIsDeletedOrExpungedIsGone) {
  ASSERT_TRUE(rounds->Run().ok());
  server.Delete({"Project", "p"});
  EXPECT_FALSE(rounds->Run().ok());
  EXPECT_EQ(freshness->state(), FeedState::kProjectGone);
  server.Put({"Project", "p"}, "p");
  EXPECT_TRUE(rounds->Run().ok());
  EXPECT_EQ(freshness->state(), FeedState::kCurrent);
  server.Expunge({"Project", "p"});
  EXPECT_FALSE(rounds->Run().ok());
  EXPECT_EQ(freshness->state(), FeedState::kProjectGone);
}

TEST_F(FeedRoundsTest, WhatLooksLikeTheEndOfAProjectIsLookedAtTwice) {
  ASSERT_TRUE(rounds->Run().ok());
  server.Delete({"Project", "p"});
  int looks = 0;
  login->SetBefore([&](std::string_view what) {
    if (what == "Read Project/p" && ++looks == 2) {
      server.Put({"Project", "p"}, "p");
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(rounds->Run().ok());
  EXPECT_EQ(freshness->state(), FeedState::kCurrent);
  ExpectInStep();
}

TEST_F(FeedRoundsTest, ALoginOfAnotherProjectIsRefused) {
  login->SetProject("q");
  const absl::Status status = rounds->Run();
  EXPECT_EQ(freshness->state(), FeedState::kAccessMissing);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("belongs to Project/q, not to Project/p"));
  EXPECT_THAT(Held(), IsEmpty());
  login->SetProject("p");
  EXPECT_TRUE(rounds->Run().ok());
}

TEST_F(FeedRoundsTest, WhatTheLoginMayDoIsLookedAtWithEachFullSweep) {
  ASSERT_TRUE(rounds->Run().ok());
  login->SetProject("q");
  clock.Advance(absl::Seconds(15));
  EXPECT_TRUE(rounds->Run().ok());
  ASSERT_TRUE(FullSweep().ok());
  EXPECT_FALSE(rounds->Run().ok());
  EXPECT_EQ(freshness->state(), FeedState::kAccessMissing);
}

TEST_F(FeedRoundsTest, FullSweepsThatGoOnFailingEndFreshness) {
  ASSERT_TRUE(rounds->Run().ok());
  const auto fail_full_sweep = [&] {
    login->SetBefore([](std::string_view what) {
      return what.find("Search") == 0 &&
                     what.find("_lastUpdated=ge") == std::string_view::npos
                 ? absl::DataLossError("cut")
                 : absl::OkStatus();
    });
    rounds->AskForFullSweep();
    EXPECT_FALSE(rounds->Step().ok());
  };
  fail_full_sweep();
  for (int minute = 0; minute < 15; ++minute) {
    clock.Advance(absl::Minutes(1));
    EXPECT_TRUE(rounds->Run().ok());
  }
  clock.Advance(absl::Seconds(1));
  EXPECT_FALSE(rounds->Run().ok());
  login->SetBefore({});
  ASSERT_TRUE(FullSweep().ok());
  EXPECT_TRUE(rounds->Run().ok());
}

}  // namespace
}  // namespace pdp::sync

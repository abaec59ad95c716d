#include "pdp/sync/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pdp/sync/mirror_test_support.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ResourceKey kPolicy{"AccessPolicy", "a"};
const ResourceKey kPatient{"Patient", "x"};

// The tickets of reads that began one after the other.
struct Tickets {
  ReadTicket first;
  ReadTicket second;
  ReadTicket third;
};

struct OrderCase {
  const char* name;
  // Applied one after the other.
  std::function<std::vector<Observation>(const Tickets&)> observations;
  const char* held;
  bool unsure = false;  // Whether the last one is.
};

const OrderCase kOrderCases[] = {
    {"NothingIsHeldOfWhatWasNeverSeen",
     [](const Tickets&) { return std::vector<Observation>(); }, "nothing"},
    {"WhatASearchFindsIsHeld",
     [](const Tickets& t) { return std::vector{Found(t.first, {})}; }, "v1"},
    {"WhatAReadFindsIsHeld",
     [](const Tickets& t) { return std::vector{ReadLive(t.first, {})}; }, "v1"},
    {"ALaterVersionReplacesTheEarlierOne",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}),
                          Found(t.second, {.version = "v2", .time = 2000})};
     },
     "v2"},
    {"AnEarlierVersionOfAnEarlierSearchChangesNothing",
     [](const Tickets& t) {
       return std::vector{ReadLive(t.second, {.version = "v2", .time = 2000}),
                          Found(t.first, {})};
     },
     "v2"},
    {"AnEarlierVersionOfALaterSearchIsUnsure",
     [](const Tickets& t) {
       return std::vector{ReadLive(t.first, {.version = "v2", .time = 2000}),
                          Found(t.second, {})};
     },
     "v2", true},
    {"AnotherVersionOfTheSameInstantIsUnsure",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}),
                          Found(t.second, {.version = "v2"})};
     },
     "v1", true},
    {"ALaterVersionOfAnEarlierSearchIsUnsure",
     [](const Tickets& t) {
       return std::vector{ReadLive(t.second, {}),
                          Found(t.first, {.version = "v2", .time = 2000})};
     },
     "v1", true},
    {"AReadWinsOverALaterInstant",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {.version = "v2", .time = 2000}),
                          ReadLive(t.second, {})};
     },
     "v1"},
    {"AnEarlierReadThatAnswersLateIsUnsure",
     [](const Tickets& t) {
       return std::vector{ReadLive(t.second, {.version = "v2"}),
                          ReadLive(t.first, {})};
     },
     "v2", true},
    {"AReadThatSaysDeletedDeletes",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}), ReadDeleted(t.second, kPolicy)};
     },
     "deleted"},
    {"WhatIsHeldAsDeletedIsNotRevivedByASearch",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}), ReadDeleted(t.second, kPolicy),
                          Found(t.third, {.version = "v2", .time = 9000})};
     },
     "deleted", true},
    {"WhatIsHeldAsDeletedIsNotRevivedByASearchThatIsBehind",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}), ReadDeleted(t.second, kPolicy),
                          Found(t.third, {})};
     },
     "deleted", true},
    {"AReadRevivesWhatIsHeldAsDeleted",
     [](const Tickets& t) {
       return std::vector{ReadDeleted(t.first, kPolicy),
                          ReadLive(t.second, {})};
     },
     "v1"},
    {"AnEarlierReadDoesNotReviveWhatIsHeldAsDeleted",
     [](const Tickets& t) {
       return std::vector{ReadDeleted(t.second, kPolicy),
                          ReadLive(t.first, {})};
     },
     "deleted", true},
    {"ALaterTombstoneOfASearchDeletes",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}),
                          FoundDeleted(t.second, {.time = 2000})};
     },
     "deleted"},
    {"ATombstoneOfASearchThatIsEarlierThanTheVersionIsUnsure",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {.time = 3000}),
                          FoundDeleted(t.second, {.time = 2000})};
     },
     "v1", true},
    {"AnEarlierTombstoneOfAnEarlierSearchChangesNothing",
     [](const Tickets& t) {
       return std::vector{ReadLive(t.second, {.time = 3000}),
                          FoundDeleted(t.first, {.time = 2000})};
     },
     "v1"},
    {"ATombstoneOfTheSameInstantIsUnsure",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}), FoundDeleted(t.second, {})};
     },
     "v1", true},
    {"ATombstoneOfWhatWasNeverSeenIsHeld",
     [](const Tickets& t) { return std::vector{FoundDeleted(t.first, {})}; },
     "deleted"},
    {"WhatAReadFindsAbsentIsErased",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}), ReadAbsent(t.second, kPolicy)};
     },
     "nothing"},
    {"ATombstoneThatAReadFindsAbsentIsErased",
     [](const Tickets& t) {
       return std::vector{ReadDeleted(t.first, kPolicy),
                          ReadAbsent(t.second, kPolicy)};
     },
     "nothing"},
    {"AnEarlierAbsenceIsUnsure",
     [](const Tickets& t) {
       return std::vector{Found(t.second, {}), ReadAbsent(t.first, kPolicy)};
     },
     "v1", true},
    {"WhatWasJustAbsentIsNotRevivedByASearch",
     [](const Tickets& t) {
       return std::vector{Found(t.first, {}), ReadAbsent(t.second, kPolicy),
                          Found(t.third, {.version = "v2", .time = 9000})};
     },
     "nothing", true},
    {"ATombstoneOfWhatWasJustAbsentIsUnsure",
     [](const Tickets& t) {
       return std::vector{ReadAbsent(t.first, kPolicy),
                          FoundDeleted(t.second, {})};
     },
     "nothing", true},
    {"WhatWasAbsentIsHeldAgainOnceAReadFindsIt",
     [](const Tickets& t) {
       return std::vector{ReadAbsent(t.first, kPolicy), ReadLive(t.second, {})};
     },
     "v1"},
};

TEST(MirrorOrderTest, WhatIsNewerIsHeld) {
  for (const OrderCase& test_case : kOrderCases) {
    SCOPED_TRACE(test_case.name);
    MirrorFixture fixture;
    Tickets tickets;
    tickets.first = fixture.Begin();
    tickets.second = fixture.Begin();
    tickets.third = fixture.Begin();
    std::vector<ResourceKey> unsure;
    for (const Observation& observation : test_case.observations(tickets)) {
      const auto result = fixture.Apply("p", {observation});
      ASSERT_TRUE(result.ok()) << result.status();
      unsure = result->unsure;
    }
    EXPECT_EQ(fixture.Held(kPolicy), test_case.held);
    if (test_case.unsure) {
      EXPECT_THAT(unsure, ElementsAre(kPolicy));
    } else {
      EXPECT_THAT(unsure, IsEmpty());
    }
    EXPECT_TRUE(fixture.store().Verify().ok());
  }
}

TEST(MirrorTest, ABatchIsOneRevisionWithItsCursors) {
  MirrorFixture fixture;
  const ReadTicket ticket = fixture.Begin();
  const std::vector<store::Cursor> cursors = {{.source = kSource,
                                               .project = "p",
                                               .type = "AccessPolicy",
                                               .position = "7"}};
  const auto result = fixture.mirror().Apply(
      "p",
      {Found(ticket, {}), Found(ticket, {.id = "b"}),
       FoundDeleted(ticket, {.type = "Patient", .id = "x"})},
      cursors);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->revision, 1);
  EXPECT_EQ(result->changed, 3);
  EXPECT_EQ(fixture.told_revision(), 1);
  EXPECT_THAT(fixture.told(),
              ElementsAre(kPolicy, ResourceKey{"AccessPolicy", "b"}, kPatient));
  EXPECT_EQ(**fixture.store().GetCursor(kSource, "p", "AccessPolicy"), "7");
}

TEST(MirrorTest, WhatIsHeldAlreadyIsNoChange) {
  MirrorFixture fixture;
  ASSERT_TRUE(fixture.Apply("p", {Found(fixture.Begin(), {})}).ok());
  Observation again = ReadLive(fixture.Begin(), {});
  // Another order of members.
  again.json = StrCat(
      R"({"id":"a","resourceType":"AccessPolicy","meta":{"project":"p",)",
      R"("lastUpdated":")", InstantOf(1000), R"(","versionId":"v1"}})");
  const auto result = fixture.Apply("p", {again});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->changed, 0);
  EXPECT_EQ(result->revision, 1);
}

TEST(MirrorTest, CursorsStandStillWhileSomethingIsUnsure) {
  MirrorFixture fixture;
  ASSERT_TRUE(fixture.Apply("p", {Found(fixture.Begin(), {})}).ok());
  const std::vector<store::Cursor> cursors = {{.source = kSource,
                                               .project = "p",
                                               .type = "AccessPolicy",
                                               .position = "7"}};
  auto result =
      fixture.mirror().Apply("p",
                             {Found(fixture.Begin(), {.version = "v2"}),
                              Found(fixture.Begin(), {.id = "b"})},
                             cursors);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->unsure, ElementsAre(kPolicy));
  EXPECT_EQ(fixture.Held({"AccessPolicy", "b"}), "v1");
  EXPECT_FALSE(
      fixture.store().GetCursor(kSource, "p", "AccessPolicy")->has_value());

  result = fixture.mirror().Apply(
      "p", {ReadLive(fixture.Begin(), {.version = "v2"})}, cursors);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->unsure, IsEmpty());
  EXPECT_EQ(fixture.Held(kPolicy), "v2");
  EXPECT_EQ(**fixture.store().GetCursor(kSource, "p", "AccessPolicy"), "7");
}

struct MalformedCase {
  const char* name;
  Observation observation;
  const char* message;
};

TEST(MirrorTest, WhatCannotBeUnderstoodFailsTheBatch) {
  const auto with_json = [](std::string json) {
    return Observation{.key = kPolicy, .json = std::move(json)};
  };
  const MalformedCase cases[] = {
      {"NotJson", with_json("{"), "AccessPolicy/a: "},
      {"AnotherResource", with_json(JsonOf({.id = "b"})),
       "AccessPolicy/a: what was read is another resource"},
      {"NoVersion",
       with_json(
           R"({"resourceType":"AccessPolicy","id":"a","meta":{"project":"p",)"
           R"("lastUpdated":"2026-11-21T01:00:00Z"}})"),
       "AccessPolicy/a: meta.versionId is absent or malformed"},
      {"NoTime",
       with_json(
           R"({"resourceType":"AccessPolicy","id":"a","meta":{"project":"p",)"
           R"("versionId":"v1"}})"),
       "AccessPolicy/a: meta.lastUpdated is absent or malformed"},
      {"NoProject",
       with_json(R"({"resourceType":"AccessPolicy","id":"a","meta":{)"
                 R"("versionId":"v1","lastUpdated":"2026-11-21T01:00:00Z"}})"),
       "AccessPolicy/a: meta.project is absent"},
      {"AMembershipOfAnotherProject",
       {.json = R"({"resourceType":"ProjectMembership","id":"m","meta":{)"
                R"("versionId":"v1","lastUpdated":"2026-11-21T01:00:00Z",)"
                R"("project":"p"},"project":{"reference":"Project/q"}})"},
       "ProjectMembership/m: `project` is not"},
      {"ATypeThatIsNotKept",
       {.json = JsonOf({.type = "Observation"})},
       "Observation/a: resources of this type are not kept"},
      {"AnAbsenceThatASearchSays",
       {.key = kPolicy, .kind = Observation::Kind::kAbsent},
       "AccessPolicy/a: no search says"},
      {"NoKey",
       {.kind = Observation::Kind::kAbsent, .by_id = true},
       "an observation of no resource"},
      {"TooLarge",
       with_json(JsonOf(
           {.members = StrCat(",\"name\":\"", std::string(4096, 'x'), "\"")})),
       "AccessPolicy/a: the resource has"},
  };
  for (const MalformedCase& test_case : cases) {
    SCOPED_TRACE(test_case.name);
    MirrorFixture fixture({.projects = {"p"}, .max_resource_bytes = 4096});
    const std::vector<store::Cursor> cursors = {
        {.source = kSource, .project = "p", .position = "7"}};
    const auto result = fixture.mirror().Apply(
        "p", {Found(fixture.Begin(), {.id = "c"}), test_case.observation},
        cursors);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(result.status().message()),
                HasSubstr(test_case.message));
    EXPECT_EQ(fixture.Held({"AccessPolicy", "c"}), "nothing");
    EXPECT_FALSE(fixture.store().GetCursor(kSource, "p", "")->has_value());
  }
}

TEST(MirrorTest, OfProfilesTombstonesAloneAreKept) {
  MirrorFixture fixture;
  const SentResource patient = {.type = "Patient", .id = "x"};
  ASSERT_TRUE(fixture.Apply("p", {Found(fixture.Begin(), patient)}).ok());
  EXPECT_EQ(fixture.Held(kPatient), "nothing");
  ASSERT_TRUE(
      fixture.Apply("p", {FoundDeleted(fixture.Begin(), patient)}).ok());
  EXPECT_EQ(fixture.Held(kPatient), "deleted");
  const auto found = fixture.Apply("p", {Found(fixture.Begin(), patient)});
  EXPECT_THAT(found->unsure, ElementsAre(kPatient));
  EXPECT_EQ(fixture.Held(kPatient), "deleted");
  ASSERT_TRUE(fixture.Apply("p", {ReadLive(fixture.Begin(), patient)}).ok());
  EXPECT_EQ(fixture.Held(kPatient), "nothing");
}

TEST(MirrorTest, NoSecretIsStored) {
  MirrorFixture fixture;
  ASSERT_TRUE(
      fixture
          .Apply("p", {Found(fixture.Begin(),
                             {.type = "ClientApplication",
                              .members = R"(,"name":"n","secret":"hush")"})})
          .ok());
  const auto record = fixture.store().Get({"ClientApplication", "a"});
  EXPECT_THAT((*record)->bytes, HasSubstr(R"("name":"n")"));
  EXPECT_THAT((*record)->bytes, ::testing::Not(HasSubstr("hush")));
}

TEST(MirrorTest, MembershipsAreFoundByProfileAndUserUntilTheyAreDeleted) {
  MirrorFixture fixture;
  const SentResource membership = {
      .type = "ProjectMembership",
      .id = "m",
      .members = R"(,"profile":{"reference":"Patient/x"},)"
                 R"("user":{"reference":"User/u"})"};
  ASSERT_TRUE(fixture.Apply("p", {Found(fixture.Begin(), membership)}).ok());
  const auto count = [&fixture](std::string_view reference) {
    int found = 0;
    EXPECT_TRUE(fixture.store()
                    .FindMemberships(reference,
                                     [&](const auto&, const auto&) {
                                       ++found;
                                       return true;
                                     })
                    .ok());
    return found;
  };
  EXPECT_EQ(count("Patient/x"), 1);
  EXPECT_EQ(count("User/u"), 1);
  ASSERT_TRUE(fixture
                  .Apply("p", {ReadDeleted(fixture.Begin(),
                                           {"ProjectMembership", "m"})})
                  .ok());
  EXPECT_EQ(count("Patient/x"), 0);
  EXPECT_EQ(count("User/u"), 0);
  EXPECT_EQ(fixture.Held({"ProjectMembership", "m"}), "deleted");
}

TEST(MirrorTest, HeadsAreOfTheFeedsOwnResources) {
  MirrorFixture fixture({.projects = {"p"}, .all_others = true});
  ASSERT_TRUE(fixture
                  .Apply("p", {Found(fixture.Begin(), {}),
                               Found(fixture.Begin(), {.id = "b"})})
                  .ok());
  ASSERT_TRUE(
      fixture
          .Apply("", {Found(fixture.Begin(), {.id = "q", .project = "q"}),
                      Found(fixture.Begin(), {.id = "ignored"})})
          .ok());
  const auto heads = [&fixture](std::string_view project) {
    std::vector<std::string> found;
    EXPECT_TRUE(
        fixture.mirror()
            .VisitHeads(project, "AccessPolicy",
                        [&](std::string_view id, std::string_view version) {
                          found.push_back(StrCat(id, "@", version));
                          return true;
                        })
            .ok());
    return found;
  };
  EXPECT_THAT(heads("p"), ElementsAre("a@v1", "b@v1"));
  EXPECT_THAT(heads(""), ElementsAre("q@v1"));
}

TEST(MirrorTest, DeletedProfilesAreThoseThatAMembershipNames) {
  MirrorFixture fixture;
  const ReadTicket ticket = fixture.Begin();
  ASSERT_TRUE(
      fixture
          .Apply("p", {FoundDeleted(ticket, {.type = "Patient", .id = "x"}),
                       FoundDeleted(ticket, {.type = "Patient", .id = "y"}),
                       Found(ticket,
                             {.type = "ProjectMembership",
                              .id = "m",
                              .members =
                                  R"(,"profile":{"reference":"Patient/x"})"})})
          .ok());
  EXPECT_THAT(*fixture.mirror().DeletedProfiles("p"), ElementsAre(kPatient));
  EXPECT_THAT(*fixture.mirror().DeletedProfiles("q"), IsEmpty());
}

}  // namespace
}  // namespace pdp::sync

#include "pdp/sync/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pdp/fhir/resource.h"
#include "pdp/sync/mirror_test_support.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ResourceKey kPolicy{"AccessPolicy", "a"};
const ResourceKey kPatient{"Patient", "x"};

// One observation: of a read that begins when the one before was applied, or
// before all others, or while the one before ran.
struct Observed {
  enum class Begins { kNext, kFirst, kMeanwhile };
  std::function<Observation(ReadTicket)> make;
  Begins begins = Begins::kNext;
};

Observed SearchFinds(const SentResource& sent) {
  return {[sent](ReadTicket t) { return Found(t, sent); }};
}
Observed SearchFindsDeleted(const SentResource& sent) {
  return {[sent](ReadTicket t) { return FoundDeleted(t, sent); }};
}
Observed ReadFinds(const SentResource& sent) {
  return {[sent](ReadTicket t) { return ReadLive(t, sent); }};
}
Observed ReadFindsDeleted() {
  return {[](ReadTicket t) { return ReadDeleted(t, kPolicy); }};
}
Observed ReadFindsNothing() {
  return {[](ReadTicket t) { return ReadAbsent(t, kPolicy); }};
}
Observed BegunFirst(Observed observed) {
  observed.begins = Observed::Begins::kFirst;
  return observed;
}
Observed BegunMeanwhile(Observed observed) {
  observed.begins = Observed::Begins::kMeanwhile;
  return observed;
}

const SentResource kV1 = {};
const SentResource kV2 = {.version = "v2", .time = 2000};

struct OrderCase {
  const char* name;
  std::vector<Observed> observations;  // Applied one after the other.
  const char* held;
  bool unsure = false;  // Whether the last one is.
};

const OrderCase kOrderCases[] = {
    {"NothingIsHeldOfWhatWasNeverSeen", {}, "nothing"},
    {"WhatASearchFindsIsHeld", {SearchFinds(kV1)}, "v1"},
    {"WhatAReadFindsIsHeld", {ReadFinds(kV1)}, "v1"},
    {"ALaterVersionReplacesTheEarlierOne",
     {SearchFinds(kV1), SearchFinds(kV2)},
     "v2"},
    {"AnEarlierVersionOfAnEarlierSearchChangesNothing",
     {ReadFinds(kV2), BegunFirst(SearchFinds(kV1))},
     "v2"},
    {"AnEarlierVersionOfASearchThatBeganWhileTheReadRanIsUnsure",
     {ReadFinds(kV2), BegunMeanwhile(SearchFinds(kV1))},
     "v2",
     true},
    {"AnEarlierTombstoneOfASearchThatBeganWhileTheReadRanIsUnsure",
     {ReadFinds({.time = 3000}),
      BegunMeanwhile(SearchFindsDeleted({.time = 2000}))},
     "v1",
     true},
    {"AnEarlierVersionOfALaterSearchIsUnsure",
     {ReadFinds(kV2), SearchFinds(kV1)},
     "v2",
     true},
    {"AnotherVersionOfTheSameInstantIsUnsure",
     {SearchFinds(kV1), SearchFinds({.version = "v2"})},
     "v1",
     true},
    {"ALaterVersionOfAnEarlierSearchIsUnsure",
     {ReadFinds(kV1), BegunFirst(SearchFinds(kV2))},
     "v1",
     true},
    {"AReadWinsOverALaterInstant", {SearchFinds(kV2), ReadFinds(kV1)}, "v1"},
    {"AnEarlierReadThatAnswersLateIsUnsure",
     {ReadFinds({.version = "v2"}), BegunFirst(ReadFinds(kV1))},
     "v2",
     true},
    {"AReadThatSaysDeletedDeletes",
     {SearchFinds(kV1), ReadFindsDeleted()},
     "deleted"},
    {"WhatIsHeldAsDeletedIsNotRevivedByASearch",
     {SearchFinds(kV1), ReadFindsDeleted(),
      SearchFinds({.version = "v2", .time = 9000})},
     "deleted",
     true},
    {"WhatIsHeldAsDeletedIsNotRevivedByASearchThatIsBehind",
     {SearchFinds(kV1), ReadFindsDeleted(), SearchFinds(kV1)},
     "deleted",
     true},
    {"AReadRevivesWhatIsHeldAsDeleted",
     {ReadFindsDeleted(), ReadFinds(kV1)},
     "v1"},
    {"AnEarlierReadDoesNotReviveWhatIsHeldAsDeleted",
     {ReadFindsDeleted(), BegunFirst(ReadFinds(kV1))},
     "deleted",
     true},
    {"ALaterTombstoneOfASearchDeletes",
     {SearchFinds(kV1), SearchFindsDeleted({.time = 2000})},
     "deleted"},
    {"ATombstoneOfASearchThatIsEarlierThanTheVersionIsUnsure",
     {SearchFinds({.time = 3000}), SearchFindsDeleted({.time = 2000})},
     "v1",
     true},
    {"AnEarlierTombstoneOfAnEarlierSearchChangesNothing",
     {ReadFinds({.time = 3000}),
      BegunFirst(SearchFindsDeleted({.time = 2000}))},
     "v1"},
    {"ATombstoneOfTheSameInstantIsUnsure",
     {SearchFinds(kV1), SearchFindsDeleted(kV1)},
     "v1",
     true},
    {"ATombstoneOfWhatWasNeverSeenIsHeld",
     {SearchFindsDeleted(kV1)},
     "deleted"},
    {"WhatAReadFindsAbsentIsErased",
     {SearchFinds(kV1), ReadFindsNothing()},
     "nothing"},
    {"ATombstoneThatAReadFindsAbsentIsErased",
     {ReadFindsDeleted(), ReadFindsNothing()},
     "nothing"},
    {"AnEarlierAbsenceIsUnsure",
     {SearchFinds(kV1), BegunFirst(ReadFindsNothing())},
     "v1",
     true},
    {"WhatWasJustAbsentIsNotRevivedByASearch",
     {SearchFinds(kV1), ReadFindsNothing(),
      SearchFinds({.version = "v2", .time = 9000})},
     "nothing",
     true},
    {"ATombstoneOfWhatWasJustAbsentIsUnsure",
     {ReadFindsNothing(), SearchFindsDeleted(kV1)},
     "nothing",
     true},
    {"WhatWasAbsentIsHeldAgainOnceAReadFindsIt",
     {ReadFindsNothing(), ReadFinds(kV1)},
     "v1"},
    {"AReadThatBeganWhileAnotherRanIsUnsure",
     {ReadFindsDeleted(), BegunFirst(ReadFinds(kV2))},
     "deleted",
     true},
};

TEST(MirrorOrderTest, WhatIsNewerIsHeld) {
  for (const OrderCase& test_case : kOrderCases) {
    SCOPED_TRACE(test_case.name);
    MirrorFixture fixture;
    const ReadTicket first = fixture.Begin();
    ReadTicket meanwhile = first;
    std::vector<ResourceKey> unsure;
    for (const Observed& observed : test_case.observations) {
      ReadTicket ticket = first;
      if (observed.begins == Observed::Begins::kMeanwhile) {
        ticket = meanwhile;
      } else if (observed.begins == Observed::Begins::kNext) {
        ticket = fixture.Begin();
      }
      meanwhile = fixture.Begin();
      const auto result = fixture.Apply("p", {observed.make(ticket)});
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

TEST(MirrorTest, AStrictModeThatALoginIsNotShownIsTakenForOn) {
  const struct {
    const char* name;
    const char* feed;
    const char* members;
    const char* stored;
  } cases[] = {
      {"HiddenFromAProjectsOwnLogin", "p", "", R"("strictMode":true)"},
      {"Shown", "p", R"(,"strictMode":false)", R"("strictMode":false)"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    MirrorFixture fixture;
    ASSERT_TRUE(
        fixture
            .Apply(c.feed, {Found(fixture.Begin(), {.type = "Project",
                                                    .id = "p",
                                                    .members = c.members})})
            .ok());
    const auto record = fixture.store().Get({"Project", "p"});
    EXPECT_THAT((*record)->bytes, HasSubstr(c.stored));
    EXPECT_TRUE(fhir::Resource::Parse((*record)->bytes).ok());
  }
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

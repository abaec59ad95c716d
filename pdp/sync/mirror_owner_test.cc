// Whose the resources of a mirror are.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pdp/sync/mirror_test_support.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const ResourceKey kPolicy{"AccessPolicy", "a"};

constexpr std::string_view kNamesPolicy =
    R"(,"accessPolicy":{"reference":"AccessPolicy/a"})";

SentResource MembershipOf(std::string_view project,
                          std::string_view members = kNamesPolicy,
                          std::string_view version = "v1", int time = 1000) {
  return {.type = "ProjectMembership",
          .id = project,  // One of each project.
          .version = version,
          .time = time,
          .project = project,
          .members = members};
}

TEST(MirrorOwnerTest, WhatAnotherFeedOwnsIsThatFeedsAlone) {
  MirrorFixture fixture({.projects = {"p", "q"}});
  const auto apply = [&fixture](std::string_view feed,
                                const Observation& observation) {
    const auto result = fixture.Apply(feed, {observation});
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->unsure, IsEmpty());
  };
  apply("q", Found(fixture.Begin(), {}));  // It is of p.
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");
  apply("p", Found(fixture.Begin(), {}));
  EXPECT_EQ(fixture.Held(kPolicy), "v1");
  apply("q", ReadLive(fixture.Begin(), {.version = "v2"}));
  apply("q", ReadDeleted(fixture.Begin(), kPolicy));
  apply("q", FoundDeleted(fixture.Begin(), {.time = 9000}));
  apply("q", ReadAbsent(fixture.Begin(), kPolicy));
  EXPECT_EQ(fixture.Held(kPolicy), "v1");
}

TEST(MirrorOwnerTest, WhatMovesToAnotherProjectIsNoLongerTheFirstOnes) {
  for (const bool other_has_feed : {true, false}) {
    SCOPED_TRACE(other_has_feed);
    MirrorFixture fixture({.projects = other_has_feed
                                           ? std::vector<std::string>{"p", "q"}
                                           : std::vector<std::string>{"p"}});
    ASSERT_TRUE(fixture.Apply("p", {Found(fixture.Begin(), {})}).ok());
    const SentResource moved = {.version = "v2", .time = 2000, .project = "q"};
    ASSERT_TRUE(fixture.Apply("p", {ReadLive(fixture.Begin(), moved)}).ok());
    EXPECT_EQ(fixture.Held(kPolicy), "nothing");
    if (!other_has_feed) continue;
    // The read by id of p says nothing about q.
    auto result = fixture.Apply("q", {Found(fixture.Begin(), moved)});
    EXPECT_THAT(result->unsure, ElementsAre(kPolicy));
    result = fixture.Apply("q", {ReadLive(fixture.Begin(), moved)});
    EXPECT_EQ(fixture.Held(kPolicy), "v2");
  }
}

TEST(MirrorOwnerTest, AForeignPolicyIsHeldOnceAMembershipNamesIt) {
  MirrorFixture fixture;
  const SentResource foreign = {.project = "other"};
  ASSERT_TRUE(fixture.Apply("p", {ReadLive(fixture.Begin(), foreign)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");

  auto result = fixture.Apply("p", {Found(fixture.Begin(), MembershipOf("p"))});
  EXPECT_THAT(result->elsewhere,
              ElementsAre(kPolicy, ResourceKey{"Project", "p"}));
  // A search may be of a linked project: only what was asked for counts.
  ASSERT_TRUE(fixture.Apply("p", {Found(fixture.Begin(), foreign)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");
  ASSERT_TRUE(fixture.Apply("p", {ReadLive(fixture.Begin(), foreign)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "v1");

  // It is told once, and asked for with every round.
  result = fixture.Apply(
      "p",
      {Found(fixture.Begin(), MembershipOf("p", kNamesPolicy, "v2", 2000))});
  EXPECT_THAT(result->elsewhere, IsEmpty());
  EXPECT_THAT(*fixture.mirror().Elsewhere("p"),
              ElementsAre(kPolicy, ResourceKey{"Project", "p"}));

  ASSERT_TRUE(fixture.Apply("p", {ReadAbsent(fixture.Begin(), kPolicy)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");
}

TEST(MirrorOwnerTest, WhatTheProjectItselfHoldsIsNotElsewhere) {
  MirrorFixture fixture;
  const ReadTicket ticket = fixture.Begin();
  const auto result =
      fixture.Apply("p", {Found(ticket, MembershipOf("p")), Found(ticket, {}),
                          Found(ticket, {.type = "Project", .id = "p"})});
  EXPECT_THAT(result->elsewhere, IsEmpty());
  EXPECT_THAT(*fixture.mirror().Elsewhere("p"), IsEmpty());
}

TEST(MirrorOwnerTest, AForeignPolicyIsForgottenOnceNoMembershipNamesIt) {
  MirrorFixture fixture;
  const SentResource foreign = {.project = "other"};
  const std::vector<Observation> named = {
      Found(fixture.Begin(), {.type = "Project", .id = "p"}),
      Found(fixture.Begin(), MembershipOf("p"))};
  ASSERT_TRUE(fixture.Apply("p", named).ok());
  ASSERT_TRUE(fixture.Apply("p", {ReadLive(fixture.Begin(), foreign)}).ok());
  ASSERT_TRUE(fixture
                  .Apply("p", {Found(fixture.Begin(),
                                     MembershipOf("p", "", "v2", 2000))})
                  .ok());
  EXPECT_EQ(fixture.Held(kPolicy), "v1");
  EXPECT_THAT(*fixture.mirror().Elsewhere("p"), IsEmpty());
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");
  EXPECT_THAT(fixture.told(), ElementsAre(kPolicy));
}

TEST(MirrorOwnerTest, AForeignPolicyIsHeldWhileOneFeedFindsIt) {
  MirrorFixture fixture({.projects = {"p", "q"}});
  const SentResource foreign = {.project = "other"};
  for (const char* feed : {"p", "q"}) {
    ASSERT_TRUE(
        fixture.Apply(feed, {Found(fixture.Begin(), MembershipOf(feed))}).ok());
    ASSERT_TRUE(fixture.Apply(feed, {ReadLive(fixture.Begin(), foreign)}).ok());
  }
  // The login of p may not see it.
  ASSERT_TRUE(fixture.Apply("p", {ReadAbsent(fixture.Begin(), kPolicy)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "v1");
  ASSERT_TRUE(fixture.Apply("q", {ReadAbsent(fixture.Begin(), kPolicy)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");
}

TEST(MirrorOwnerTest, ADeletedForeignPolicyIsAskedForOn) {
  MirrorFixture fixture;
  ASSERT_TRUE(
      fixture.Apply("p", {Found(fixture.Begin(), MembershipOf("p"))}).ok());
  ASSERT_TRUE(fixture.Apply("p", {ReadDeleted(fixture.Begin(), kPolicy)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "deleted");
  EXPECT_THAT(*fixture.mirror().Elsewhere("p"),
              ElementsAre(kPolicy, ResourceKey{"Project", "p"}));
  ASSERT_TRUE(
      fixture.Apply("p", {ReadLive(fixture.Begin(), {.project = "other"})})
          .ok());
  EXPECT_EQ(fixture.Held(kPolicy), "v1");
}

TEST(MirrorOwnerTest, ARestartForgetsWhatIsForeignAndNothingElse) {
  MirrorFixture fixture;
  ASSERT_TRUE(fixture
                  .Apply("p", {Found(fixture.Begin(), MembershipOf("p")),
                               Found(fixture.Begin(), {.id = "own"})})
                  .ok());
  ASSERT_TRUE(
      fixture.Apply("p", {ReadLive(fixture.Begin(), {.project = "other"})})
          .ok());
  fixture.Reopen();
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");
  EXPECT_EQ(fixture.Held({"AccessPolicy", "own"}), "v1");
  EXPECT_EQ(fixture.Held({"ProjectMembership", "p"}), "v1");
}

TEST(MirrorOwnerTest, WhatAnotherSourceHadStoredIsErased) {
  const TempDirectory directory;
  auto store = store::Store::Open({.directory = directory / "store"});
  ASSERT_TRUE(store.ok());
  const auto open = [&store](std::string source) {
    auto mirror = Mirror::Open(
        **store, {.source = std::move(source), .projects = {"p"}}, nullptr);
    EXPECT_TRUE(mirror.ok()) << mirror.status();
    return *std::move(mirror);
  };
  auto mirror = open("medplum:https://one/");
  const std::vector<store::Cursor> cursors = {
      {.source = "medplum:https://one/", .project = "p", .position = "9"}};
  ASSERT_TRUE(
      mirror->Apply("p", {Found(mirror->order().Begin(), {})}, cursors).ok());
  mirror.reset();
  mirror = open("medplum:https://one/");
  EXPECT_TRUE((*store)->Get(kPolicy)->has_value());
  mirror.reset();
  mirror = open("medplum:https://two/");
  EXPECT_FALSE((*store)->Get(kPolicy)->has_value());
  EXPECT_FALSE(
      (*store)->GetCursor("medplum:https://one/", "p", "")->has_value());
}

TEST(MirrorOwnerTest, TheFeedOfAllOthersReadsNothingElsewhere) {
  MirrorFixture fixture({.all_others = true});
  const auto result =
      fixture.Apply("", {Found(fixture.Begin(), MembershipOf("p")),
                         Found(fixture.Begin(), {.project = "other"})});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->elsewhere, IsEmpty());
  EXPECT_THAT(*fixture.mirror().Elsewhere(""), IsEmpty());
  EXPECT_EQ(fixture.Held(kPolicy), "v1");
  ASSERT_TRUE(fixture.Apply("", {ReadAbsent(fixture.Begin(), kPolicy)}).ok());
  EXPECT_EQ(fixture.Held(kPolicy), "nothing");
}

}  // namespace
}  // namespace pdp::sync

#include "pdp/service/revision_watchers.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "pdp/service/test_support.h"
#include "tests/support/eventually.h"

namespace pdp::service {
namespace {

using fhir::ResourceKey;
using Names = std::vector<std::string>;

constexpr char kMember[] = "ProjectMembership/member";

// The clinic, where one more member has a policy of its own.
std::vector<fhir::ResourcePtr> TwoMembers() {
  std::vector<fhir::ResourcePtr> live = ReadersClinic();
  live.push_back(testing::Json(
      "{'resourceType':'ProjectMembership','id':'other','meta':{'project':"
      "'$OTHER_PROJECT'},'project':{'reference':'Project/$OTHER_PROJECT'},"
      "'user':{'reference':'User/o'},'profile':{'reference':'Patient/o'},"
      "'userConfiguration':{'reference':'UserConfiguration/c'},"
      "'access':[{'policy':{'reference':'AccessPolicy/missing'}}]}"));
  return live;
}

// Counts what it is told; waits for it.
class Bell {
 public:
  std::function<void()> Ringer() {
    return [this] {
      const std::lock_guard lock(mutex_);
      ++rings_;
      changed_.notify_all();
    };
  }
  void WaitFor(int rings) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return rings_ >= rings; });
  }
  int rings() {
    const std::lock_guard lock(mutex_);
    return rings_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int rings_ = 0;
};

class RevisionWatchersTest : public ::testing::Test {
 protected:
  std::shared_ptr<RevisionWatchers::Watch> Add(Names members) {
    auto watch = watchers_.Add(std::move(members), bell_.Ringer());
    EXPECT_TRUE(watch.ok()) << watch.status();
    return *std::move(watch);
  }

  // What `watch` is told of a change; the next ring is for it.
  WatchedChanges TellAndTake(RevisionWatchers::Watch& watch,
                             std::vector<ResourceKey> changed) {
    const int rings = bell_.rings();
    watchers_.Changed(++revision_, changed);
    bell_.WaitFor(rings + 1);
    return watch.Take().value_or(WatchedChanges());
  }

  // Returns once all that was told before has been told to the watches.
  void Settle() {
    Bell bell;
    const auto watch = watchers_.Add({}, bell.Ringer());
    watchers_.Changed(++revision_, std::vector<ResourceKey>{
                                       {"ProjectMembership", "settles"}});
    bell.WaitFor(1);
  }

  Bell bell_;
  uint64_t revision_ = 7;
  PendingLookup lookup_{TwoMembers()};
  RevisionWatchers watchers_{lookup_};
};

TEST_F(RevisionWatchersTest, AMemberChangesWithAllThatItsAccessIsMadeFrom) {
  const auto watch = Add({kMember, "ProjectMembership/other"});
  struct Case {
    const char* changed;
    Names members;
  };
  const std::string project(testing::kProject);
  const std::string practitioner(testing::kPractitioner);
  const std::string linked(testing::kLinkedProject);
  const Case kCases[] = {
      {"ProjectMembership/member", {kMember}},
      {"AccessPolicy/policy", {kMember}},
      {"Project/$PROJECT", {kMember}},
      {"Project/$LINKED_PROJECT", {kMember}},
      {"Practitioner/$PRACTITIONER", {kMember}},
      {"ProjectMembership/other", {"ProjectMembership/other"}},
      {"AccessPolicy/missing", {"ProjectMembership/other"}},
      {"UserConfiguration/c", {"ProjectMembership/other"}},
      {"Patient/o", {"ProjectMembership/other"}},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.changed);
    const auto key = ResourceKey::Parse(testing::Expand(c.changed));
    const WatchedChanges changes = TellAndTake(*watch, {*key});
    EXPECT_EQ(changes.members, c.members);
    EXPECT_FALSE(changes.all);
    EXPECT_EQ(changes.revision, revision_);
  }
}

TEST_F(RevisionWatchersTest, WhatIsOfNoWatchedMemberIsNotTold) {
  const auto watch = Add({kMember});
  for (const char* const other :
       {"ProjectMembership/other", "AccessPolicy/other", "Patient/p"}) {
    watchers_.Changed(++revision_,
                      std::vector<ResourceKey>{*ResourceKey::Parse(other)});
  }
  Settle();
  EXPECT_FALSE(watch->Take().has_value());
  EXPECT_EQ(bell_.rings(), 0);
}

// The membership was given another policy: the old one no longer counts.
TEST_F(RevisionWatchersTest, FollowsWhatAMemberIsMadeFrom) {
  const auto watch = Add({kMember});
  Settle();
  lookup_.Put(testing::Json(
      "{'resourceType':'ProjectMembership','id':'member','meta':{'project':"
      "'$PROJECT'},'project':{'reference':'Project/$PROJECT'},'user':"
      "{'reference':'User/u'},'profile':{'reference':'Practitioner/x'},"
      "'accessPolicy':{'reference':'AccessPolicy/new'}}"));
  TellAndTake(*watch, {{"ProjectMembership", "member"}});
  EXPECT_EQ(TellAndTake(*watch, {{"AccessPolicy", "new"}}).members,
            Names{kMember});
  watchers_.Changed(++revision_,
                    std::vector<ResourceKey>{{"AccessPolicy", "policy"}});
  Settle();
  EXPECT_FALSE(watch->Take().has_value());
}

TEST_F(RevisionWatchersTest, AMemberThatCannotBeTracedChangesWithEverything) {
  lookup_.Hold({"ProjectMembership", "member"});
  const auto watch = Add({kMember});
  EXPECT_EQ(TellAndTake(*watch, {{"AccessPolicy", "whatever"}}).members,
            Names{kMember});
  lookup_.Release({"ProjectMembership", "member"});
  EXPECT_EQ(TellAndTake(*watch, {{"AccessPolicy", "whatever"}}).members,
            Names{kMember});
  // Traced by then.
  watchers_.Changed(++revision_,
                    std::vector<ResourceKey>{{"AccessPolicy", "whatever"}});
  Settle();
  EXPECT_FALSE(watch->Take().has_value());
}

TEST_F(RevisionWatchersTest, WhoWatchesEveryMemberIsToldAllWhereNoneIsNamed) {
  const auto watch = Add({});
  EXPECT_EQ(TellAndTake(*watch, {{"ProjectMembership", "new"}}).members,
            Names{"ProjectMembership/new"});
  EXPECT_EQ(TellAndTake(*watch,
                        {{"Practitioner", std::string(testing::kPractitioner)}})
                .members,
            Names{kMember});
  EXPECT_TRUE(TellAndTake(*watch, {{"AccessPolicy", "policy"}}).all);
}

TEST_F(RevisionWatchersTest, WhatIsNotTakenIsGathered) {
  const auto watch = Add({});
  std::vector<ResourceKey> changed;
  for (int i = 0; i < 600; ++i) {
    changed.push_back({"ProjectMembership", StrCat("m", i)});
  }
  watchers_.Changed(++revision_, changed);
  Settle();
  for (ResourceKey& key : changed) key.id += "b";
  watchers_.Changed(++revision_, changed);
  Settle();
  EXPECT_EQ(bell_.rings(), 1);
  const std::optional<WatchedChanges> changes = watch->Take();
  ASSERT_TRUE(changes.has_value());
  EXPECT_TRUE(changes->all);
  EXPECT_TRUE(changes->members.empty());
  EXPECT_FALSE(watch->Take().has_value());
}

TEST_F(RevisionWatchersTest, AChangeOfVeryMuchIsOfAll) {
  const auto watch = Add({kMember});
  EXPECT_TRUE(
      TellAndTake(*watch, std::vector<ResourceKey>(1'001, {"Patient", "p"}))
          .all);
}

TEST_F(RevisionWatchersTest, ChangesThatDoNotFitAreOfAll) {
  RevisionWatchers watchers(lookup_, {.changes_waiting = 1});
  Bell told;
  std::mutex held;
  std::unique_lock hold(held);
  // Keeps the thread of the watchers busy.
  const auto busy = watchers.Add({kMember}, [&] {
    told.Ringer()();
    const std::lock_guard lock(held);
  });
  ASSERT_TRUE(busy.ok());
  const std::vector<ResourceKey> member = {{"ProjectMembership", "member"}};
  Bell bell;
  while (told.rings() == 0) watchers.Changed(8, member);
  // Taken first: what comes now is new.
  (*busy)->Take();
  for (uint64_t revision = 9; revision < 20; ++revision) {
    watchers.Changed(revision, {{{"Patient", "p"}}});
  }
  hold.unlock();
  told.WaitFor(2);
  const std::optional<WatchedChanges> changes = (*busy)->Take();
  ASSERT_TRUE(changes.has_value());
  EXPECT_TRUE(changes->all);
  EXPECT_EQ(changes->revision, 19u);
}

TEST_F(RevisionWatchersTest, WhoComesBeforeAChangeThatDoesNotFitIsTold) {
  RevisionWatchers watchers(lookup_, {.changes_waiting = 2});
  Bell told;
  std::mutex held;
  std::unique_lock hold(held);
  const auto busy = watchers.Add({kMember}, [&] {
    told.Ringer()();
    const std::lock_guard lock(held);
  });
  ASSERT_TRUE(busy.ok());
  const std::vector<ResourceKey> member = {{"ProjectMembership", "member"}};
  watchers.Changed(8, member);
  told.WaitFor(1);
  // There is room for this and for one change.
  Bell bell;
  const auto late = watchers.Add({kMember}, bell.Ringer());
  ASSERT_TRUE(late.ok()) << late.status();
  for (uint64_t revision = 9; revision < 20; ++revision) {
    watchers.Changed(revision, member);
  }
  hold.unlock();
  bell.WaitFor(1);
  EXPECT_EQ((*late)->Take().value_or(WatchedChanges()).revision, 19u);
}

TEST_F(RevisionWatchersTest, WhoBeginsAfterAChangeThatDidNotFitIsToldOfIt) {
  RevisionWatchers watchers(lookup_, {.changes_waiting = 2});
  Bell told;
  std::mutex held;
  std::unique_lock hold(held);
  const auto busy = watchers.Add({kMember}, [&] {
    told.Ringer()();
    const std::lock_guard lock(held);
  });
  ASSERT_TRUE(busy.ok());
  const std::vector<ResourceKey> member = {{"ProjectMembership", "member"}};
  watchers.Changed(8, member);
  told.WaitFor(1);
  // Before the watch there waits a change; behind it there is no room.
  watchers.Changed(9, member);
  Bell bell;
  const auto late = watchers.Add({kMember}, bell.Ringer());
  ASSERT_TRUE(late.ok()) << late.status();
  watchers.Changed(10, member);
  hold.unlock();
  EXPECT_TRUE(Eventually([&] { return bell.rings() >= 1; }));
  EXPECT_EQ((*late)->Take().value_or(WatchedChanges()).revision, 10u);
}

// All that waits is the beginning of a watch that has ended by then.
TEST_F(RevisionWatchersTest, AChangeThatDoesNotFitIsToldThoughNothingElseIs) {
  const std::vector<ResourceKey> member = {{"ProjectMembership", "member"}};
  bool has_waited_alone = false;
  EXPECT_TRUE(Eventually([&] {
    Bell told;
    std::mutex held;
    std::unique_lock hold(held);
    RevisionWatchers watchers(lookup_, {.changes_waiting = 1});
    const auto busy = watchers.Add({kMember}, [&] {
      told.Ringer()();
      const std::lock_guard lock(held);
    });
    EXPECT_TRUE(busy.ok());
    watchers.Changed(8, member);
    told.WaitFor(1);
    (*busy)->Take();
    auto ended = watchers.Add({kMember}, [] {});
    // Otherwise something of the first change waits still.
    has_waited_alone = ended.ok();
    ended = absl::CancelledError();
    watchers.Changed(9, member);
    hold.unlock();
    EXPECT_TRUE(Eventually([&] { return told.rings() >= 2; }));
    EXPECT_EQ((*busy)->Take().value_or(WatchedChanges()).revision, 9u);
    return has_waited_alone;
  }));
}

TEST_F(RevisionWatchersTest, WhatIsWatchedHasLimits) {
  RevisionWatchers watchers(
      lookup_, {.watches = 2, .members_of_watch = 3, .members = 4});
  const auto code = [&](Names members) {
    return watchers.Add(std::move(members), [] {}).status().code();
  };
  EXPECT_EQ(code({"Patient/p"}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({"ProjectMembership/a", ""}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({"ProjectMembership/a", "ProjectMembership/b",
                  "ProjectMembership/c", "ProjectMembership/d"}),
            absl::StatusCode::kInvalidArgument);
  auto first = watchers.Add(
      {"ProjectMembership/a", "ProjectMembership/b", "ProjectMembership/b"},
      [] {});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(code({"ProjectMembership/c", "ProjectMembership/d",
                  "ProjectMembership/e"}),
            absl::StatusCode::kResourceExhausted);
  auto second = watchers.Add({}, [] {});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(code({}), absl::StatusCode::kResourceExhausted);
  first->reset();
  // It makes room once nobody tells it anything any more.
  absl::StatusCode then = code({});
  while (then == absl::StatusCode::kResourceExhausted) {
    std::this_thread::yield();
    then = code({});
  }
  EXPECT_EQ(then, absl::StatusCode::kOk);
}

}  // namespace
}  // namespace pdp::service

#include "store/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "store/history_view.h"
#include "store/impl.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::store {
namespace {

using fhir::ResourceKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Change::Kind;

constexpr absl::Duration kSecond = absl::Seconds(1);

class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Duration SinceBoot() const override { return absl::ZeroDuration(); }
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
};

Change Put(const ResourceKey& key, int number,
           std::vector<std::string> subjects = {}) {
  Record record;
  record.version_id = StrCat("v", number);
  record.subjects = std::move(subjects);
  record.bytes = StrCat("{\"n\":", number, "}");
  return {.key = key, .record = std::move(record)};
}

Change Delete(const ResourceKey& key) {
  Record record;
  record.deleted = true;
  return {.kind = Kind::kDelete, .key = key, .record = std::move(record)};
}

Change Erase(const ResourceKey& key) {
  return {.kind = Kind::kErase, .key = key};
}

const ResourceKey kMember{"ProjectMembership", "m"};
const ResourceKey kPolicy{"AccessPolicy", "p"};
const ResourceKey kPatient{"Patient", "ann"};

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    Reopen();
    Begin();
  }

  void Reopen(std::vector<std::string> whole = {"AccessPolicy",
                                                "ProjectMembership"}) {
    store_.reset();
    auto store = Store::Open({.directory = directory_ / "store",
                              .history = {.whole = std::move(whole),
                                          .deletions = {"Patient"},
                                          .clock = &clock_}});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Begin() {
    const absl::Status begun = store_->BeginHistory();
    ASSERT_TRUE(begun.ok()) << begun;
  }

  // A second after what was before; returns when.
  absl::Time Apply(const std::vector<Change>& changes) {
    clock_.now += kSecond;
    const auto revision = store_->Apply(changes, {});
    EXPECT_TRUE(revision.ok()) << revision.status();
    const absl::Status verified = store_->Verify();
    EXPECT_TRUE(verified.ok()) << verified;
    return clock_.now;
  }

  void Sweep(absl::Time before) {
    for (;;) {
      const auto done = store_->SweepHistory(before, 2);
      ASSERT_TRUE(done.ok()) << done.status();
      if (*done) break;
    }
    EXPECT_TRUE(store_->Verify().ok()) << store_->Verify();
  }

  // "v1", "deleted", "none", or why it cannot be told.
  std::string At(absl::Time time, const ResourceKey& key) {
    const auto view = store_->HistoryAt(time);
    if (!view.ok()) return absl::StatusCodeToString(view.status().code());
    const auto record = (*view)->Get(key);
    if (!record.ok()) return record.status().ToString();
    if (!record->has_value()) return "none";
    return (*record)->deleted ? "deleted" : (*record)->version_id;
  }

  const TempDirectory directory_;
  FakeClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(HistoryTest, EachMomentHasTheVersionThatWasInForceThen) {
  const absl::Time begun = clock_.now;
  const absl::Time first = Apply({Put(kPolicy, 1)});
  const absl::Time second = Apply({Put(kPolicy, 2)});
  const absl::Time deleted = Apply({Delete(kPolicy)});
  const absl::Time third = Apply({Put(kPolicy, 3)});
  const absl::Time erased = Apply({Erase(kPolicy)});
  const absl::Time fourth = Apply({Put(kPolicy, 4)});
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    EXPECT_EQ(At(begun, kPolicy), "none");
    EXPECT_EQ(At(first - absl::Microseconds(1), kPolicy), "none");
    EXPECT_EQ(At(first, kPolicy), "v1");
    EXPECT_EQ(At(second - absl::Microseconds(1), kPolicy), "v1");
    EXPECT_EQ(At(second, kPolicy), "v2");
    EXPECT_EQ(At(deleted, kPolicy), "deleted");
    EXPECT_EQ(At(third, kPolicy), "v3");
    EXPECT_EQ(At(erased, kPolicy), "none");
    EXPECT_EQ(At(fourth, kPolicy), "v4");
    EXPECT_EQ(At(fourth + absl::Hours(1), kPolicy), "v4");
    Reopen();
  }
}

TEST_F(HistoryTest, OfBeforeItsBeginningNothingIsTold) {
  const absl::Time begun = clock_.now;
  EXPECT_EQ(At(begun - absl::Microseconds(1), kPolicy), "OUT_OF_RANGE");
  EXPECT_EQ(At(begun, kPolicy), "none");

  const absl::Time first = Apply({Put(kPolicy, 1)});
  ASSERT_TRUE(store_->RestartHistory().ok());
  EXPECT_EQ(At(first, kPolicy), "OUT_OF_RANGE");
  EXPECT_EQ(At(clock_.now, kPolicy), "OUT_OF_RANGE");
  EXPECT_EQ(store_->statistics().history_begins, absl::InfiniteFuture());
  Apply({Put(kPolicy, 2)});  // A part of what has to be read first.
  const absl::Time whole = Apply({Put(kPolicy, 3)});
  Begin();
  EXPECT_EQ(At(whole - absl::Microseconds(1), kPolicy), "OUT_OF_RANGE");
  EXPECT_EQ(At(whole, kPolicy), "v3");
  EXPECT_EQ(store_->statistics().history_begins, whole);
  clock_.now += kSecond;
  Begin();  // Once more.
  EXPECT_EQ(store_->statistics().history_begins, whole);
}

TEST_F(HistoryTest, OfOtherTypesThanBeforeItBeginsAnew) {
  const absl::Time first = Apply({Put(kPolicy, 1)});
  Reopen({"AccessPolicy"});
  EXPECT_EQ(At(first, kPolicy), "OUT_OF_RANGE");
  clock_.now += kSecond;
  Begin();
  EXPECT_EQ(At(first, kPolicy), "OUT_OF_RANGE");
  EXPECT_EQ(At(clock_.now, kPolicy), "v1");
  const auto view = store_->HistoryAt(clock_.now);
  EXPECT_EQ((*view)->Get(kMember).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(HistoryTest, OfSomeTypesOnlyWhetherTheyWereDeletedIsKept) {
  const absl::Time made = Apply({Put(kPatient, 1)});
  const absl::Time deleted = Apply({Delete(kPatient)});
  const absl::Time back = Apply({Put(kPatient, 2)});
  const absl::Time again = Apply({Put(kPatient, 3)});
  EXPECT_EQ(At(made, kPatient), "none");
  EXPECT_EQ(At(deleted, kPatient), "deleted");
  EXPECT_EQ(At(back, kPatient), "none");
  EXPECT_EQ(At(again, kPatient), "v3");
  EXPECT_EQ(At(deleted - absl::Microseconds(1), kPatient), "none");
}

TEST_F(HistoryTest, ChangesOfOneBatchAreOneChange) {
  const absl::Time first =
      Apply({Put(kPolicy, 1), Erase(kPolicy), Delete(kPolicy)});
  const absl::Time second = Apply({Put(kPolicy, 2), Put(kPolicy, 3)});
  const absl::Time third = Apply({Put(kPolicy, 4), Erase(kPolicy)});
  EXPECT_EQ(At(first - absl::Microseconds(1), kPolicy), "none");
  EXPECT_EQ(At(first, kPolicy), "deleted");
  EXPECT_EQ(At(second, kPolicy), "v3");
  EXPECT_EQ(At(third, kPolicy), "none");
}

TEST_F(HistoryTest, FormerMembershipsAreFoundByTheSubjectTheyHadThen) {
  const ResourceKey other{"ProjectMembership", "a"};
  const auto members = [&](absl::Time time, std::string_view reference) {
    std::vector<std::string> found;
    const auto view = store_->HistoryAt(time);
    const absl::Status status = (*view)->FindMemberships(
        reference, [&](const ResourceKey& key, const Record& record) {
          found.push_back(StrCat(key.id, " ", record.version_id));
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return found;
  };
  const absl::Time first = Apply({Put(kMember, 1, {"User/x", "Patient/x"})});
  const absl::Time second =
      Apply({Put(kMember, 2, {"User/y"}), Put(other, 3, {"User/x"})});
  const absl::Time third = Apply({Delete(kMember), Erase(other)});
  const absl::Time fourth = Apply({Put(kMember, 4, {"User/x"})});
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    EXPECT_THAT(members(first, "User/x"), ElementsAre("m v1"));
    EXPECT_THAT(members(first, "Patient/x"), ElementsAre("m v1"));
    EXPECT_THAT(members(first, "User/y"), IsEmpty());
    EXPECT_THAT(members(second, "User/x"), ElementsAre("a v3"));
    EXPECT_THAT(members(second, "User/y"), ElementsAre("m v2"));
    EXPECT_THAT(members(third, "User/x"), IsEmpty());
    EXPECT_THAT(members(third, "User/y"), IsEmpty());
    EXPECT_THAT(members(fourth, "User/x"), ElementsAre("m v4"));
    Reopen();
  }
}

TEST_F(HistoryTest, ARevisionIsFoundWhereItsTimeAgrees) {
  const absl::Time first = Apply({Put(kPolicy, 1)});
  clock_.now += absl::Hours(1);
  Apply({Put(kPolicy, 2)});
  const auto view = store_->HistoryAt(1, first + absl::Minutes(30));
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ((**(*view)->Get(kPolicy)).version_id, "v1");
  // The time is noted first: another revision may come before the decision.
  EXPECT_TRUE(store_->HistoryAt(2, clock_.now - absl::Seconds(30)).ok());
  for (const auto& [revision, time] :
       {std::pair{uint64_t{1}, clock_.now + absl::Hours(1)},
        std::pair{uint64_t{2}, first}, std::pair{uint64_t{3}, clock_.now}}) {
    SCOPED_TRACE(revision);
    const absl::Status status = store_->HistoryAt(revision, time).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("was not in force here"));
  }
}

TEST_F(HistoryTest, AClockThatIsSetBackChangesNoOrder) {
  Apply({Put(kPolicy, 1)});
  const absl::Time before = clock_.now;
  clock_.now -= absl::Hours(2);
  Apply({Put(kPolicy, 2)});
  Reopen();
  Apply({Put(kPolicy, 3)});
  EXPECT_EQ(At(before - absl::Microseconds(1), kPolicy), "none");
  EXPECT_EQ(At(before, kPolicy), "v3");
  clock_.now = before;
  const absl::Time later = Apply({Put(kPolicy, 4)});
  EXPECT_EQ(At(later - absl::Microseconds(1), kPolicy), "v3");
  EXPECT_EQ(At(later, kPolicy), "v4");
}

TEST_F(HistoryTest, AViewSeesNeitherWhatComesNorWhatGoes) {
  const absl::Time first = Apply({Put(kPolicy, 1)});
  const absl::Time second = Apply({Put(kPolicy, 2)});
  const auto view = store_->HistoryAt(first);
  const auto latest = store_->HistoryAt(second);
  Apply({Erase(kPolicy)});
  clock_.now += absl::Hours(1);
  Sweep(clock_.now);
  EXPECT_EQ(At(first, kPolicy), "OUT_OF_RANGE");
  EXPECT_EQ((**(*view)->Get(kPolicy)).version_id, "v1");
  EXPECT_EQ((**(*latest)->Get(kPolicy)).version_id, "v2");
}

// A store and what is known to have been, at random.
class HistoryPropertyTest : public HistoryTest {
 protected:
  struct State {
    absl::Time time;
    std::map<ResourceKey, Record> records;
    std::map<ResourceKey, Block> blocks;
  };

  ResourceKey SomeKey() {
    const char* const types[] = {"AccessPolicy", "ProjectMembership"};
    return {types[random_() % 2], StrCat("k", random_() % 4)};
  }

  void ApplySome() {
    clock_.now += absl::Seconds(random_() % 3);
    std::vector<Change> changes;
    for (uint64_t i = 1 + random_() % 3; i > 0; --i) {
      const ResourceKey key = SomeKey();
      std::vector<std::string> subjects;
      if (key.type == kMember.type) {
        subjects = {StrCat("User/", random_() % 3)};
      }
      const uint64_t choice = random_() % 5;
      changes.push_back(choice == 0   ? Delete(key)
                        : choice == 1 ? Erase(key)
                                      : Put(key, ++version_, subjects));
    }
    ASSERT_TRUE(store_->Apply(changes, {}).ok());
    State next = states_.empty() ? State() : states_.rbegin()->second;
    for (const Change& change : changes) {
      next.records.erase(change.key);
      if (change.kind == Kind::kErase) continue;
      const auto stored = store_->Get(change.key);
      if (stored->has_value()) next.records[change.key] = **stored;
    }
    Note(std::move(next));
  }

  void BlockSome() {
    clock_.now += absl::Seconds(random_() % 3);
    const Block block{.target = {"Practitioner", StrCat("p", random_() % 3)},
                      .since = clock_.now,
                      .until = clock_.now + absl::Hours(1),
                      .reason = StrCat("r", ++version_)};
    const bool put = random_() % 2 == 0;
    const auto applied =
        put ? store_->ApplyBlocks(std::vector{block}, {})
            : store_->ApplyBlocks({}, std::vector{block.target});
    ASSERT_TRUE(applied.ok());
    State next = states_.empty() ? State() : states_.rbegin()->second;
    next.blocks.erase(block.target);
    if (put) next.blocks.emplace(block.target, block);
    Note(std::move(next));
  }

  void Note(State state) {
    state.time = clock_.now;
    states_[store_->revision()] = std::move(state);
  }

  void ExpectAt(const HistoryView& view, const State& state) {
    for (const char* type : {"AccessPolicy", "ProjectMembership"}) {
      for (int i = 0; i < 4; ++i) {
        const ResourceKey key{type, StrCat("k", i)};
        SCOPED_TRACE(key.ToString());
        const auto record = view.Get(key);
        ASSERT_TRUE(record.ok()) << record.status();
        const auto expected = state.records.find(key);
        ASSERT_EQ(record->has_value(), expected != state.records.end());
        if (record->has_value()) {
          EXPECT_EQ(**record, expected->second);
        }
      }
    }
    for (int i = 0; i < 3; ++i) {
      const std::string user = StrCat("User/", i);
      std::set<ResourceKey> expected;
      for (const auto& [key, record] : state.records) {
        if (record.subjects == std::vector{user}) expected.insert(key);
      }
      std::set<ResourceKey> found;
      ASSERT_TRUE(
          view.FindMemberships(user,
                               [&](const ResourceKey& key, const Record&) {
                                 return found.insert(key).second;
                               })
              .ok());
      EXPECT_EQ(found, expected) << user;
    }
    std::vector<Block> blocks;
    for (const auto& [key, block] : state.blocks) blocks.push_back(block);
    EXPECT_EQ(*view.Blocks(), blocks);
  }

  void ExpectAll(absl::Time since) {
    for (auto it = states_.begin(); it != states_.end(); ++it) {
      const auto& [revision, state] = *it;
      SCOPED_TRACE(revision);
      const auto next = std::next(it);
      // The last of those that began at the same moment.
      const bool is_last =
          next == states_.end() || next->second.time != state.time;
      if (next != states_.end() && next->second.time <= since) continue;
      if (is_last && state.time >= since) {
        const auto view = store_->HistoryAt(state.time);
        ASSERT_TRUE(view.ok()) << view.status();
        EXPECT_EQ((*view)->revision(), revision);
        ExpectAt(**view, state);
      }
      const auto view =
          store_->HistoryAt(revision, std::max(since, state.time));
      ASSERT_TRUE(view.ok()) << view.status();
      ExpectAt(**view, state);
    }
  }

  int CountVersions() {
    store_.reset();
    int count = 0;
    {
      const auto rocks = Rocks::Open({.path = directory_ / "store/db",
                                      .block_cache_bytes = size_t{1} << 20,
                                      .write_buffer_bytes = size_t{1} << 20});
      EXPECT_TRUE(rocks.ok()) << rocks.status();
      const absl::Status counted = ForEachWithPrefix(
          **rocks, ColumnFamily::kHistory, "", /*snapshot=*/nullptr,
          [&](std::string_view, std::string_view) -> absl::StatusOr<bool> {
            return ++count > 0;
          });
      EXPECT_TRUE(counted.ok()) << counted;
    }
    Reopen();
    return count;
  }

  std::mt19937 random_{20261121};
  int version_ = 0;
  std::map<uint64_t, State> states_;  // By revision.
};

TEST_F(HistoryPropertyTest, EveryRevisionIsWhatItWasAlsoOnceOlderOnesAreSwept) {
  Note({});
  absl::Time since = clock_.now;
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    for (int i = 0; i < 25; ++i) {
      random_() % 4 == 0 ? BlockSome() : ApplySome();
    }
    if (round % 3 == 1) Reopen();
    ExpectAll(since);
    if (round % 2 == 1) {
      since += (clock_.now - since) / 2;
      Sweep(since);
      ExpectAll(since);
      EXPECT_EQ(
          store_->HistoryAt(since - absl::Microseconds(1)).status().code(),
          absl::StatusCode::kOutOfRange);
    }
    if (HasFailure()) return;
  }
  // What is swept is gone, not hidden.
  clock_.now += kSecond;
  ApplySome();
  clock_.now += kSecond;
  EXPECT_GT(CountVersions(), 0);
  Sweep(clock_.now);
  EXPECT_EQ(CountVersions(), 0);
  EXPECT_EQ(store_->HistoryAt(clock_.now).status(), absl::OkStatus());
  ExpectAll(clock_.now);
}

}  // namespace
}  // namespace pdp::store

#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "pdp/base/strings.h"
#include "tests/support/temp_directory.h"

namespace pdp::store {
namespace {

using fhir::ResourceKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Kind = Change::Kind;

Change Put(const ResourceKey& key, std::string project, std::string version,
           std::vector<std::string> subjects = {}) {
  Record record;
  record.last_updated = "2024-05-01T12:00:00.000Z";
  record.project = std::move(project);
  record.subjects = std::move(subjects);
  record.bytes = StrCat("{\"", key.ToString(), "\":\"", version, "\"}");
  record.version_id = std::move(version);
  return {.kind = Kind::kPut, .key = key, .record = std::move(record)};
}

Change Delete(const ResourceKey& key, std::string version = "") {
  Record record;
  record.deleted = true;
  record.version_id = std::move(version);
  record.last_updated = "2024-05-02T12:00:00.000Z";
  return {.kind = Kind::kDelete, .key = key, .record = std::move(record)};
}

Change Erase(const ResourceKey& key) {
  return {.kind = Kind::kErase, .key = key};
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    auto store = Store::Open({.directory = directory_ / "store"});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Apply(const std::vector<Change>& changes,
             const std::vector<Cursor>& cursors = {}) {
    const auto revision = store_->Apply(changes, cursors);
    ASSERT_TRUE(revision.ok()) << revision.status();
    const absl::Status verified = store_->Verify();
    ASSERT_TRUE(verified.ok()) << verified;
  }

  std::optional<Record> Get(const ResourceKey& key) {
    auto record = store_->Get(key);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? *std::move(record) : std::nullopt;
  }

  std::optional<Record> GetVersion(const ResourceKey& key,
                                   std::string_view version) {
    auto record = store_->GetVersion(key, version);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? *std::move(record) : std::nullopt;
  }

  std::vector<std::string> Scan(std::string_view type, std::string_view project,
                                std::string_view after = "") {
    std::vector<std::string> keys;
    EXPECT_TRUE(store_
                    ->Scan(
                        type, project,
                        [&](const ResourceKey& key, const Record&) {
                          keys.push_back(key.ToString());
                          return true;
                        },
                        after)
                    .ok());
    return keys;
  }

  std::vector<std::string> Memberships(std::string_view reference) {
    std::vector<std::string> ids;
    EXPECT_TRUE(
        store_
            ->FindMemberships(reference,
                              [&](const ResourceKey& key, const Record&) {
                                ids.push_back(key.id);
                                return true;
                              })
            .ok());
    return ids;
  }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, KeepsTheBytesAsTheyAre) {
  Change change = Put({"Patient", "1"}, "p", "v1");
  change.record.bytes =
      std::string("{ \"a\" : 1.10,\n\"\\u0000\":\"\0\xff\"}", 28);
  Apply({change});
  Reopen();
  EXPECT_EQ(Get({"Patient", "1"}), change.record);
  EXPECT_EQ(Get({"Patient", "2"}), std::nullopt);
}

TEST_F(StoreTest, TheRevisionRisesByOneForEachApplyThatChangesSomething) {
  EXPECT_EQ(store_->revision(), 0u);
  Apply({Put({"Patient", "1"}, "p", "v1"), Put({"Patient", "2"}, "p", "v1")});
  EXPECT_EQ(store_->revision(), 1u);
  Apply({}, {{.source = "s", .position = "x"}});
  EXPECT_EQ(store_->revision(), 1u);
  Apply({Erase({"Patient", "1"})});
  Reopen();
  EXPECT_EQ(store_->revision(), 2u);
}

TEST_F(StoreTest, ApplyingTheSameTwiceLeavesTheSame) {
  const ResourceKey key{"ProjectMembership", "m"};
  const std::vector<Change> changes = {
      Put(key, "p", "v1", {"Patient/1", "User/1"}),
      Put(key, "q", "v2", {"Patient/2"}), Delete({"Task", "t"}, "d")};
  Apply(changes);
  const auto first = Get(key);
  Apply(changes);
  EXPECT_EQ(Get(key), first);
  EXPECT_THAT(Scan("ProjectMembership", "p"), IsEmpty());
  EXPECT_THAT(Scan("ProjectMembership", "q"),
              ElementsAre("ProjectMembership/m"));
  EXPECT_THAT(Memberships("Patient/1"), IsEmpty());
  EXPECT_THAT(Memberships("Patient/2"), ElementsAre("m"));
}

TEST_F(StoreTest, AScanOfOneTypeAndProjectNeverReadsAnother) {
  std::vector<Change> changes;
  for (const char* type : {"Task", "TaskList", "Tas"}) {
    for (const char* project : {"a", "a-b", "ab", "a.", "b"}) {
      for (const char* id : {"1", "1-", "1.2", "11"}) {
        changes.push_back(Put({type, StrCat(project, "-", id)}, project, "v1"));
      }
    }
  }
  Apply(changes);
  EXPECT_THAT(Scan("Task", "a"),
              ElementsAre("Task/a-1", "Task/a-1-", "Task/a-1.2", "Task/a-11"));
  EXPECT_THAT(Scan("Task", "a-b"), ElementsAre("Task/a-b-1", "Task/a-b-1-",
                                               "Task/a-b-1.2", "Task/a-b-11"));
  EXPECT_THAT(Scan("Task", "a", "a-1-"),
              ElementsAre("Task/a-1.2", "Task/a-11"));
  EXPECT_THAT(Scan("Task", "a", "a-10"), ElementsAre("Task/a-11"));
  EXPECT_THAT(Scan("Task", "a", "a-11"), IsEmpty());
  EXPECT_THAT(Scan("Task", "", "b-1-"), ElementsAre("Task/b-1.2", "Task/b-11"));
  EXPECT_EQ(Scan("Tas", "").size(), 20u);
  EXPECT_THAT(Scan("Ta", ""), IsEmpty());
  EXPECT_THAT(Scan("", ""), IsEmpty());
  EXPECT_THAT(Scan("Task", "a/1"), IsEmpty());
  EXPECT_THAT(Scan("Task", std::string("a\0a-1", 5)), IsEmpty());
}

TEST_F(StoreTest, AScanEndsWhenItsVisitorSaysSo) {
  Apply({Put({"Task", "1"}, "p", "v"), Put({"Task", "2"}, "p", "v")});
  for (const char* project : {"", "p"}) {
    int seen = 0;
    EXPECT_TRUE(store_
                    ->Scan("Task", project,
                           [&](const ResourceKey&, const Record&) {
                             ++seen;
                             return false;
                           })
                    .ok());
    EXPECT_EQ(seen, 1);
  }
}

TEST_F(StoreTest, AMembershipIsFoundByEachOfItsSubjectsAndNoOther) {
  const auto put = [](const char* id, std::vector<std::string> subjects) {
    return Put({"ProjectMembership", id}, "p", "v1", std::move(subjects));
  };
  Apply({put("b", {"Patient/1", "User/1"}), put("a", {"Patient/1", "User/2"}),
         put("c", {"Patient/10", "Patient/10"})});
  EXPECT_THAT(Memberships("Patient/1"), ElementsAre("a", "b"));
  EXPECT_THAT(Memberships("User/1"), ElementsAre("b"));
  EXPECT_THAT(Memberships("Patient/10"), ElementsAre("c"));
  EXPECT_THAT(Memberships("Patient/"), IsEmpty());
  EXPECT_THAT(Memberships(""), IsEmpty());
  Apply({Delete({"ProjectMembership", "a"}), put("b", {"Patient/2"})});
  EXPECT_THAT(Memberships("Patient/1"), IsEmpty());
  EXPECT_THAT(Memberships("User/1"), IsEmpty());
  EXPECT_THAT(Memberships("Patient/2"), ElementsAre("b"));
}

TEST_F(StoreTest, ADeletedResourceKeepsItsLastLiveVersion) {
  const ResourceKey key{"Patient", "1"};
  Apply({Put(key, "p", "v1")});
  Apply({Delete(key, "d1")});
  Apply({Delete(key, "d1")});
  const auto tombstone = Get(key);
  ASSERT_TRUE(tombstone.has_value());
  EXPECT_TRUE(tombstone->deleted);
  EXPECT_EQ(tombstone->last_version, "v1");
  EXPECT_EQ(GetVersion(key, "v1")->bytes, "{\"Patient/1\":\"v1\"}");
  EXPECT_THAT(Scan("Patient", "p"), IsEmpty());
  EXPECT_THAT(Scan("Patient", ""), IsEmpty());
  Apply({Put(key, "p", "v2")});
  EXPECT_EQ(Get(key)->version_id, "v2");
  EXPECT_TRUE(GetVersion(key, "v1").has_value());
  Apply({Erase(key)});
  EXPECT_EQ(Get(key), std::nullopt);
  EXPECT_EQ(GetVersion(key, "v1"), std::nullopt);
}

TEST_F(StoreTest, ErasingForgetsVersionsOfTheSameBatchAndOfThisResourceOnly) {
  Change version = Put({"Patient", "1"}, "p", "v0");
  version.kind = Kind::kPutVersion;
  Change other = Put({"Patient", "1-"}, "p", "v0");
  other.kind = Kind::kPutVersion;
  Apply({version, other, Erase({"Patient", "1"})});
  EXPECT_EQ(GetVersion({"Patient", "1"}, "v0"), std::nullopt);
  EXPECT_TRUE(GetVersion({"Patient", "1-"}, "v0").has_value());
  other.kind = Kind::kEraseVersion;
  Apply({other});
  EXPECT_EQ(GetVersion({"Patient", "1-"}, "v0"), std::nullopt);
}

TEST_F(StoreTest, ABatchThatHoldsAnythingMalformedChangesNothing) {
  Change no_bytes = Put({"Patient", "2"}, "p", "v1");
  no_bytes.record.bytes.clear();
  Change subject = Put({"Patient", "2"}, "p", "v1", {"Patient/1"});
  Change tombstone = Delete({"Patient", "2"});
  tombstone.record.bytes = "{}";
  for (const Change& bad :
       {Put({"Patient", "a/b"}, "p", "v1"), Put({"Patient/", "a"}, "p", "v1"),
        Put({"Patient", ""}, "p", "v1"), Put({"Patient", "2"}, "p/q", "v1"),
        Put({"Patient", "2"}, "p", ""), Put({"Patient", "2"}, "p", "v/1"),
        no_bytes, subject, tombstone}) {
    const auto revision = store_->Apply(
        std::vector<Change>{Put({"Patient", "1"}, "p", "v1"), bad},
        std::vector<Cursor>{{.source = "s", .position = "x"}});
    EXPECT_EQ(revision.status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Get({"Patient", "1"}), std::nullopt);
  EXPECT_EQ(store_->revision(), 0u);
  EXPECT_THAT(*store_->Cursors(), IsEmpty());
}

TEST_F(StoreTest, WhatCanBeNoKeyIsNotThere) {
  Apply({Put({"Patient", "1"}, "p", "v1")});
  EXPECT_EQ(Get({"", std::string("Patient\0001", 9)}), std::nullopt);
  EXPECT_EQ(Get({"Patient", "../1"}), std::nullopt);
  EXPECT_EQ(GetVersion({"Patient", "1"}, std::string("v1\0", 3)), std::nullopt);
}

TEST_F(StoreTest, CursorsAreKeptBySourceProjectAndType) {
  Apply({}, {{.source = "s", .project = "p", .type = "t", .position = "1"},
             {.source = "s", .project = "pt", .position = "2"},
             {.source = "sp", .type = "t", .position = "3"}});
  EXPECT_EQ(*store_->GetCursor("s", "p", "t"), "1");
  EXPECT_EQ(*store_->GetCursor("s", "pt", ""), "2");
  EXPECT_EQ(*store_->GetCursor("sp", "", "t"), "3");
  EXPECT_EQ(*store_->GetCursor("s", "", ""), std::nullopt);
  Apply({}, {{.source = "s", .project = "p", .type = "t"}});
  EXPECT_EQ(*store_->GetCursor("s", "p", "t"), std::nullopt);
  Reopen();
  const auto cursors = store_->Cursors();
  ASSERT_EQ(cursors->size(), 2u);
  EXPECT_EQ((*cursors)[0].project, "pt");
  EXPECT_EQ((*cursors)[1].source, "sp");
  EXPECT_EQ((*cursors)[1].type, "t");
  EXPECT_EQ((*cursors)[1].position, "3");
}

TEST_F(StoreTest, AnObserverHearsWhatChangedBeforeApplyReturns) {
  std::vector<Applied> heard;
  const int id = store_->AddObserver(
      [&](const Applied& applied) { heard.push_back(applied); });
  const ResourceKey key{"ProjectMembership", "m"};
  Apply({Put(key, "p", "v1", {"Patient/1", "User/1"})});
  Apply({Put(key, "p", "v2", {"Patient/2", "User/1"})});
  Apply({Put(key, "p", "v3", {"Patient/2", "User/1"})});
  Apply({}, {{.source = "s", .position = "x"}});
  store_->RemoveObserver(id);
  Apply({Erase(key)});
  ASSERT_EQ(heard.size(), 3u);
  EXPECT_THAT(heard[0].keys, ElementsAre(key));
  EXPECT_THAT(heard[0].subjects, UnorderedElementsAre("Patient/1", "User/1"));
  EXPECT_THAT(heard[1].subjects,
              UnorderedElementsAre("Patient/1", "Patient/2"));
  EXPECT_THAT(heard[2].subjects, IsEmpty());
  EXPECT_EQ(heard[2].revision, 3u);
}

TEST_F(StoreTest, ACheckpointIsAStoreOfItsOwn) {
  Apply({Put({"Patient", "1"}, "p", "v1")},
        {{.source = "s", .position = "at 1"}});
  const std::string copy = directory_ / "copy";
  ASSERT_TRUE(store_->Checkpoint(copy).ok());
  EXPECT_EQ(store_->Checkpoint(copy).code(), absl::StatusCode::kAlreadyExists);
  Apply({Put({"Patient", "2"}, "p", "v1")});
  store_.reset();
  auto opened = Store::Open({.directory = copy});
  ASSERT_TRUE(opened.ok()) << opened.status();
  store_ = *std::move(opened);
  EXPECT_TRUE(Get({"Patient", "1"}).has_value());
  EXPECT_EQ(Get({"Patient", "2"}), std::nullopt);
  EXPECT_EQ(*store_->GetCursor("s", "", ""), "at 1");
  EXPECT_EQ(store_->revision(), 1u);
}

TEST_F(StoreTest, ABatchLargerThanTheWriteBufferGoesToItsTablesAtOnce) {
  Change change = Put({"Binary", "1"}, "p", "v1");
  change.record.bytes.assign(size_t{9} << 20, 'x');
  Apply({change});
  EXPECT_GT(store_->statistics().disk_bytes, 0u);
  EXPECT_EQ(Get({"Binary", "1"}), change.record);
}

TEST_F(StoreTest, StatisticsCount) {
  Apply({Put({"Patient", "1"}, "p", "v1"), Put({"Patient", "2"}, "p", "v1")});
  const Statistics statistics = store_->statistics();
  EXPECT_EQ(statistics.revision, 1u);
  EXPECT_GE(statistics.resources, 2u);  // An estimate.
  EXPECT_EQ(statistics.applied_batches, 1u);
  EXPECT_EQ(statistics.applied_changes, 2u);
  EXPECT_GT(statistics.memory_bytes, 0u);
  EXPECT_EQ(statistics.errors, 0u);
}

}  // namespace
}  // namespace pdp::store

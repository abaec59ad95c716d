#include "pdp/sync/store_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "pdp/base/strings.h"
#include "tests/support/temp_directory.h"

namespace pdp::sync {
namespace {

using fhir::LookupState;
using fhir::ResourceKey;
using fhir::ResourcePtr;
using store::Change;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

store::Record RecordOf(const ResourceKey& key, std::string version) {
  store::Record record;
  record.project = "p";
  record.last_updated = "2024-05-01T12:00:00.000Z";
  record.bytes =
      StrCat(R"({"resourceType":")", key.type, R"(","id":")", key.id,
             R"(","meta":{"project":"p","versionId":")", version, "\"}}");
  record.version_id = std::move(version);
  return record;
}

Change Put(const ResourceKey& key, std::string version) {
  return {.key = key, .record = RecordOf(key, std::move(version))};
}

Change PutMembership(const std::string& id, const std::string& profile,
                     const std::string& user) {
  const ResourceKey key{"ProjectMembership", id};
  Change change = Put(key, "v1");
  change.record.subjects = {profile, user};
  change.record.bytes = StrCat(R"({"resourceType":"ProjectMembership","id":")",
                               id, R"(","profile":{"reference":")", profile,
                               R"("},"user":{"reference":")", user, "\"}}");
  return change;
}

Change Delete(const ResourceKey& key) {
  Change change{.kind = Change::Kind::kDelete, .key = key};
  change.record.deleted = true;
  change.record.version_id = "d";
  return change;
}

class StoreLookupTest : public ::testing::Test {
 protected:
  StoreLookupTest() {
    auto store = store::Store::Open({.directory = directory_ / "store"});
    if (!store.ok()) std::abort();
    store_ = *std::move(store);
    lookup_ = std::make_unique<StoreLookup>(*store_);
  }

  void Apply(const std::vector<Change>& changes) {
    const auto revision = store_->Apply(changes, {});
    ASSERT_TRUE(revision.ok()) << revision.status();
  }

  std::vector<std::string> Memberships(std::string_view reference) {
    std::vector<std::string> ids;
    EXPECT_EQ(lookup_->FindMemberships(reference,
                                       [&](const ResourcePtr& resource) {
                                         ids.emplace_back(resource->id());
                                       }),
              LookupState::kFound);
    return ids;
  }

  std::vector<std::string> Scan(std::string_view type,
                                std::string_view project) {
    std::vector<std::string> found;
    EXPECT_EQ(lookup_->Scan(type, project,
                            [&](const ResourcePtr& resource) {
                              found.push_back(StrCat(resource->id(), "@",
                                                     resource->version_id()));
                              return true;
                            }),
              LookupState::kFound);
    return found;
  }

  TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StoreLookup> lookup_;
  const ResourceKey key_{"Patient", "1"};
};

TEST_F(StoreLookupTest, AnAnswerFollowsEveryChange) {
  EXPECT_EQ(lookup_->Read(key_).state, LookupState::kAbsent);
  Apply({Put(key_, "v1")});
  EXPECT_EQ(lookup_->Read(key_).resource->version_id(), "v1");
  Apply({Put(key_, "v2")});
  EXPECT_EQ(lookup_->Read(key_).resource->version_id(), "v2");
  Apply({Delete(key_)});
  const auto deleted = lookup_->Read(key_);
  EXPECT_EQ(deleted.state, LookupState::kDeleted);
  EXPECT_EQ(deleted.resource->version_id(), "v2");
  Apply({{.kind = Change::Kind::kErase, .key = key_}});
  EXPECT_EQ(lookup_->Read(key_).state, LookupState::kAbsent);
}

TEST_F(StoreLookupTest, ATombstoneWithoutALastVersionHasNoResource) {
  Apply({Delete(key_)});
  const auto deleted = lookup_->Read(key_);
  EXPECT_EQ(deleted.state, LookupState::kDeleted);
  EXPECT_EQ(deleted.resource, nullptr);
}

TEST_F(StoreLookupTest, TheSameResourceIsReadOnce) {
  Apply({Put(key_, "v1")});
  const ResourcePtr first = lookup_->Read(key_).resource;
  EXPECT_EQ(lookup_->Read(key_).resource, first);
  lookup_->Read({"Patient", "2"});
  lookup_->Read({"Patient", "2"});
  const auto statistics = lookup_->statistics();
  EXPECT_EQ(statistics.resources.hits, 2u);
  EXPECT_EQ(statistics.resources.misses, 2u);
  EXPECT_EQ(statistics.resources.entries, 2u);
  EXPECT_EQ(statistics.errors, 0u);
}

TEST_F(StoreLookupTest, VersionsAreReadWhereverTheyAre) {
  Change older = Put(key_, "v1");
  older.kind = Change::Kind::kPutVersion;
  Apply({older, Put(key_, "v2")});
  for (const char* version : {"v1", "v2"}) {
    const auto result = lookup_->ReadVersion(key_, version);
    ASSERT_EQ(result.state, LookupState::kFound);
    EXPECT_EQ(result.resource->version_id(), version);
  }
  EXPECT_EQ(lookup_->ReadVersion(key_, "v3").state, LookupState::kAbsent);
  EXPECT_EQ(lookup_->ReadVersion(key_, "").state, LookupState::kAbsent);
  EXPECT_EQ(lookup_->ReadVersion({"Patient", "2"}, "v1").state,
            LookupState::kAbsent);
  Apply({Delete(key_)});
  EXPECT_EQ(lookup_->ReadVersion(key_, "v2").state, LookupState::kFound);
  EXPECT_EQ(lookup_->ReadVersion(key_, "d").state, LookupState::kDeleted);
}

TEST_F(StoreLookupTest, AllLiveVersionsAreFound) {
  const auto versions = [&](const ResourceKey& key) {
    std::vector<std::string> found;
    EXPECT_EQ(
        lookup_->FindVersions(key,
                              [&](const ResourcePtr& resource) {
                                found.emplace_back(resource->version_id());
                              }),
        LookupState::kFound);
    return found;
  };
  EXPECT_THAT(versions(key_), IsEmpty());
  Change older = Put(key_, "v1");
  older.kind = Change::Kind::kPutVersion;
  Apply({older, Put(key_, "v2"), Put({"Patient", "12"}, "v9")});
  EXPECT_THAT(versions(key_), ElementsAre("v1", "v2"));
  Apply({Delete(key_)});
  EXPECT_THAT(versions(key_), ElementsAre("v1", "v2"));
  Apply({{.kind = Change::Kind::kErase, .key = key_}});
  EXPECT_THAT(versions(key_), IsEmpty());
}

TEST_F(StoreLookupTest, MembershipsFollowEveryChange) {
  EXPECT_THAT(Memberships("Patient/1"), IsEmpty());
  Apply({PutMembership("m2", "Patient/1", "User/1"),
         PutMembership("m1", "Patient/1", "User/2")});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Memberships("Patient/1"), ElementsAre("m1", "m2"));
    EXPECT_THAT(Memberships("User/1"), ElementsAre("m2"));
    EXPECT_THAT(Memberships("User/9"), IsEmpty());
  }
  Apply({PutMembership("m2", "Patient/2", "User/1")});
  EXPECT_THAT(Memberships("Patient/1"), ElementsAre("m1"));
  EXPECT_THAT(Memberships("Patient/2"), ElementsAre("m2"));
  Apply({Delete({"ProjectMembership", "m1"})});
  EXPECT_THAT(Memberships("Patient/1"), IsEmpty());
  EXPECT_GT(lookup_->statistics().subjects.hits, 0u);
}

TEST_F(StoreLookupTest, AScanSeesLiveResourcesOfOneTypeAndProject) {
  Apply({Put({"Task", "b"}, "v1"), Put({"Task", "a"}, "v1"),
         Put({"TaskList", "c"}, "v1")});
  lookup_->Read({"Task", "a"});
  EXPECT_THAT(Scan("Task", "p"), ElementsAre("a@v1", "b@v1"));
  EXPECT_THAT(Scan("Task", ""), ElementsAre("a@v1", "b@v1"));
  EXPECT_THAT(Scan("Task", "q"), IsEmpty());
  Apply({Put({"Task", "a"}, "v2"), Delete({"Task", "b"})});
  EXPECT_THAT(Scan("Task", "p"), ElementsAre("a@v2"));
  int seen = 0;
  EXPECT_EQ(lookup_->Scan("Task", "p",
                          [&](const ResourcePtr&) {
                            ++seen;
                            return false;
                          }),
            LookupState::kFound);
  EXPECT_EQ(seen, 1);
}

TEST_F(StoreLookupTest, WhatCannotBeParsedIsUnavailableAndNeverAbsent) {
  Change broken = Put({"ProjectMembership", "m"}, "v1");
  broken.record.bytes = "{";
  broken.record.subjects = {"Patient/1"};
  Change of_another = Put({"Patient", "2"}, "v1");
  of_another.record.bytes = Put({"Patient", "3"}, "v1").record.bytes;
  Apply({broken, of_another});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(lookup_->Read({"ProjectMembership", "m"}).state,
              LookupState::kUnavailable);
    EXPECT_EQ(lookup_->Read({"Patient", "2"}).state, LookupState::kUnavailable);
    EXPECT_EQ(lookup_->ReadVersion({"Patient", "2"}, "v1").state,
              LookupState::kUnavailable);
    EXPECT_EQ(lookup_->FindMemberships("Patient/1",
                                       [](const ResourcePtr&) { FAIL(); }),
              LookupState::kUnavailable);
    EXPECT_EQ(
        lookup_->Scan("Patient", "p", [](const ResourcePtr&) { return true; }),
        LookupState::kUnavailable);
  }
  EXPECT_EQ(lookup_->statistics().errors, 10u);
}

TEST_F(StoreLookupTest, ADamagedStoreIsUnavailableAndNeverAbsent) {
  std::vector<Change> changes;
  for (int i = 0; i < 500; ++i) {
    changes.push_back(Put({"Task", StrCat("t", i)}, "v1"));
  }
  Apply(changes);
  const auto reopen = [this] {
    lookup_.reset();
    store_.reset();
    auto store = store::Store::Open({.directory = directory_ / "store"});
    if (!store.ok()) return false;
    store_ = *std::move(store);
    lookup_ = std::make_unique<StoreLookup>(*store_);
    return true;
  };
  ASSERT_TRUE(reopen());  // Recovery writes the tables.
  lookup_.reset();
  store_.reset();
  for (const auto& entry :
       std::filesystem::directory_iterator(directory_ / "store/db")) {
    if (entry.path().extension() != ".sst") continue;
    std::string bytes = ReadFile(entry.path());
    // In the first block, which holds data.
    bytes[10] = static_cast<char>(bytes[10] ^ 1);
    WriteFile(entry.path(), bytes);
  }
  if (!reopen()) return;  // Refused: as good.
  int unavailable = 0;
  for (int i = 0; i < 500; ++i) {
    const auto state = lookup_->Read({"Task", StrCat("t", i)}).state;
    EXPECT_NE(state, LookupState::kAbsent);
    unavailable += state == LookupState::kUnavailable;
  }
  EXPECT_GT(unavailable, 0);
  EXPECT_EQ(lookup_->statistics().errors, static_cast<uint64_t>(unavailable));
}

TEST_F(StoreLookupTest, TheCacheStaysWithinItsBytes) {
  lookup_ = std::make_unique<StoreLookup>(
      *store_, StoreLookup::Options{.max_cache_bytes = size_t{1} << 20});
  std::vector<Change> changes;
  for (int i = 0; i < 2000; ++i) {
    changes.push_back(Put({"Task", StrCat("t", i)}, "v1"));
  }
  Apply(changes);
  for (int i = 0; i < 4000; ++i) {
    lookup_->Read({"Task", StrCat("t", i % 3000)});
  }
  const auto statistics = lookup_->statistics().resources;
  EXPECT_LE(statistics.bytes, size_t{1} << 20);
  EXPECT_GT(statistics.entries, 100u);
  EXPECT_GT(statistics.evictions, 0u);
}

// Of a store that holds nothing but the mirrored types.
TEST_F(StoreLookupTest, OfWhatIsNotMirroredNothingIsKnown) {
  StoreLookup::Options options;
  options.mirrored_types_only = true;
  const StoreLookup mirrored(*store_, options);
  const ResourceKey deleted{"Patient", "deleted"};
  const ResourceKey policy{"AccessPolicy", "a"};
  Apply({Delete(deleted), Put(policy, "v1")});
  const struct {
    const char* name;
    ResourceKey key;
    LookupState read;
    LookupState deletion;
  } kCases[] = {
      {"WhatIsHeld", policy, LookupState::kFound, LookupState::kFound},
      {"OfAWholeTypeWhatIsNotHeldDoesNotExist",
       {"AccessPolicy", "b"},
       LookupState::kAbsent,
       LookupState::kAbsent},
      {"ATombstone", deleted, LookupState::kUnavailable, LookupState::kDeleted},
      {"OfAProfileWithoutTombstoneIsKnownThatItIsNotDeleted",
       {"Patient", "other"},
       LookupState::kUnavailable,
       LookupState::kAbsent},
      {"OfOtherTypesNothingIsKnown",
       {"Observation", "o"},
       LookupState::kUnavailable,
       LookupState::kUnavailable},
  };
  for (const auto& test_case : kCases) {
    SCOPED_TRACE(test_case.name);
    EXPECT_EQ(mirrored.Read(test_case.key).state, test_case.read);
    EXPECT_EQ(mirrored.FindDeletion(test_case.key), test_case.deletion);
  }
  const auto ignore = [](const ResourcePtr&) { return true; };
  EXPECT_EQ(mirrored.Scan("AccessPolicy", "", ignore), LookupState::kFound);
  EXPECT_EQ(mirrored.Scan("Patient", "", ignore), LookupState::kUnavailable);
  EXPECT_EQ(mirrored.Scan("Observation", "", ignore),
            LookupState::kUnavailable);
  EXPECT_EQ(mirrored.FindVersions(policy, ignore), LookupState::kFound);
  EXPECT_EQ(mirrored.FindVersions(deleted, ignore), LookupState::kUnavailable);
  // Older versions are not mirrored.
  EXPECT_EQ(mirrored.ReadVersion(policy, "v1").state, LookupState::kFound);
  EXPECT_EQ(mirrored.ReadVersion(policy, "v0").state,
            LookupState::kUnavailable);
  EXPECT_EQ(mirrored.ReadVersion({"AccessPolicy", "b"}, "v0").state,
            LookupState::kUnavailable);
  // None of this is a fault of the store's.
  EXPECT_EQ(mirrored.statistics().errors, 0u);
}

}  // namespace
}  // namespace pdp::sync

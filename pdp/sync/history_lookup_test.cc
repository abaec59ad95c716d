#include "pdp/sync/history_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/store_lookup.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::sync {
namespace {

using fhir::LookupState;
using fhir::ResourceKey;
using store::Change;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Duration SinceBoot() const override { return absl::ZeroDuration(); }
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
};

class HistoryLookupTest : public ::testing::Test {
 protected:
  HistoryLookupTest() {
    store::HistoryOptions history = MirroredHistory();
    history.clock = &clock_;
    auto store = store::Store::Open(
        {.directory = directory_ / "store", .history = history});
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    now_ = std::make_unique<StoreLookup>(*store_);
    EXPECT_TRUE(store_->BeginHistory().ok());
  }

  absl::Time Apply(const Change& change) {
    clock_.now += absl::Seconds(1);
    EXPECT_TRUE(store_->Apply(std::vector{change}, {}).ok());
    return clock_.now;
  }

  absl::Time Put(const ResourceKey& key, std::string_view version,
                 std::string_view user = "") {
    store::Record record;
    record.version_id = version;
    record.bytes = StrCat(R"({"resourceType":")", key.type, R"(","id":")",
                          key.id, R"(","meta":{"versionId":")", version,
                          R"("},"user":{"reference":")", user, R"("}})");
    if (!user.empty()) record.subjects = {std::string(user)};
    return Apply({.key = key, .record = std::move(record)});
  }

  absl::Time Delete(const ResourceKey& key) {
    store::Record record;
    record.deleted = true;
    return Apply({.kind = Change::Kind::kDelete, .key = key, .record = record});
  }

  std::unique_ptr<HistoryLookup> At(absl::Time time) {
    auto view = store_->HistoryAt(time);
    EXPECT_TRUE(view.ok()) << view.status();
    return std::make_unique<HistoryLookup>(*std::move(view), *now_);
  }

  const TempDirectory directory_;
  FakeClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StoreLookup> now_;
};

std::string VersionOf(const fhir::LookupResult& result) {
  return result.resource == nullptr
             ? ""
             : std::string(result.resource->version_id());
}

TEST_F(HistoryLookupTest, PoliciesAreOfThenAndOtherResourcesOfNow) {
  const ResourceKey policy{"AccessPolicy", "p"};
  const ResourceKey task{"Task", "t"};
  Put(task, "t1");
  const absl::Time first = Put(policy, "p1");
  const absl::Time deleted = Delete(policy);
  Put(policy, "p2");
  Put(task, "t2");
  const auto then = At(first);
  EXPECT_EQ(VersionOf(then->Read(policy)), "p1");
  EXPECT_EQ(VersionOf(then->Read(policy)), "p1");  // Once more.
  EXPECT_EQ(VersionOf(then->ReadPart(policy, {}, "")), "p1");
  EXPECT_EQ(VersionOf(then->FindHeld(policy, "")), "p1");
  EXPECT_EQ(VersionOf(then->Read(task)), "t2");
  EXPECT_EQ(VersionOf(then->ReadPart(task, {}, "")), "t2");
  EXPECT_EQ(VersionOf(then->FindHeld(task, "")), "t2");
  EXPECT_EQ(At(first - absl::Seconds(1))->Read(policy).state,
            LookupState::kAbsent);
  const fhir::LookupResult gone = At(deleted)->Read(policy);
  EXPECT_EQ(gone.state, LookupState::kDeleted);
  EXPECT_EQ(VersionOf(gone), "p1");
}

TEST_F(HistoryLookupTest, MembershipsAreFoundBySubjectsOfThen) {
  const ResourceKey member{"ProjectMembership", "m"};
  const absl::Time first = Put(member, "m1", "User/a");
  const absl::Time second = Put(member, "m2", "User/b");
  const auto found = [&](absl::Time time, std::string_view user) {
    std::vector<std::string> versions;
    EXPECT_EQ(At(time)->FindMemberships(
                  user,
                  [&](const fhir::ResourcePtr& membership) {
                    versions.emplace_back(membership->version_id());
                  }),
              LookupState::kFound);
    return versions;
  };
  EXPECT_THAT(found(first, "User/a"), ElementsAre("m1"));
  EXPECT_THAT(found(first, "User/b"), IsEmpty());
  EXPECT_THAT(found(second, "User/a"), IsEmpty());
  EXPECT_THAT(found(second, "User/b"), ElementsAre("m2"));
}

TEST_F(HistoryLookupTest, AProfileIsDeletedAsOfThen) {
  const ResourceKey profile{"Practitioner", "p"};
  const absl::Time made = Put(profile, "p1");
  const absl::Time deleted = Delete(profile);
  const absl::Time back = Put(profile, "p2");
  EXPECT_NE(At(made)->FindDeletion(profile), LookupState::kDeleted);
  EXPECT_EQ(At(deleted)->FindDeletion(profile), LookupState::kDeleted);
  EXPECT_NE(At(back)->FindDeletion(profile), LookupState::kDeleted);
  // As a resource it is of now.
  EXPECT_EQ(VersionOf(At(deleted)->Read(profile)), "p2");
}

}  // namespace
}  // namespace pdp::sync

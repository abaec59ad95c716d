// How a store of an older format becomes one of this.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pdp/base/strings.h"
#include "rocksdb/db.h"
#include "store/keys.h"
#include "store/rocks.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::store {
namespace {

using fhir::ResourceKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ResourceKey kAnn{"ProjectMembership", "ann"};
constexpr int kRevision = 3;

class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Duration SinceBoot() const override { return absl::ZeroDuration(); }
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
};

Options OptionsOf(const std::string& directory, const Clock& clock) {
  return {.directory = directory,
          .history = {.whole = {"ProjectMembership"}, .clock = &clock}};
}

std::unique_ptr<Store> MustOpen(const std::string& directory,
                                const Clock& clock = Clock::Real()) {
  auto store = Store::Open(OptionsOf(directory, clock));
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

Change VersionOf(int number) {
  Record record;
  record.version_id = StrCat("v", number);
  record.subjects = {StrCat("Patient/", number)};
  record.bytes = "{}";
  return {.key = kAnn, .record = record};
}

Block BlockOf(const ResourceKey& target) {
  return {.target = target,
          .since = absl::FromUnixMicros(1'700'000'000'000'001),
          .until = absl::FromUnixMicros(1'800'000'000'000'002),
          .reason = "lost key"};
}

// The file STORE as programs of that format wrote it.
void WriteIdentity(const std::string& directory, int format) {
  char line[128];
  std::snprintf(line, sizeof line,
                "medplum-pdp store format=%d state=use revision=%020llu",
                format, static_cast<unsigned long long>(kRevision));
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : std::string(line)) {
    hash = (hash ^ c) * 0x100000001b3;
  }
  char check[32];
  std::snprintf(check, sizeof check, " check=%016llx\n",
                static_cast<unsigned long long>(hash));
  WriteFile(directory + "/STORE", StrCat(line, check));
}

// Changes the database behind the back of the store.
void Change(const std::string& directory,
            const std::function<void(const Rocks&)>& change) {
  const auto rocks = Rocks::Open({.path = directory + "/db",
                                  .block_cache_bytes = size_t{1} << 20,
                                  .write_buffer_bytes = size_t{1} << 20});
  ASSERT_TRUE(rocks.ok()) << rocks.status();
  change(**rocks);
}

void SetFormat(const std::string& directory, std::string_view format) {
  Change(directory, [&](const Rocks& rocks) {
    ASSERT_TRUE(rocks.db()
                    .Put({}, rocks.family(ColumnFamily::kMeta),
                         ToSlice(kFormatKey), ToSlice(format))
                    .ok());
  });
}

// A store as programs of that format left it, with one resource and one cursor.
void Make(const std::string& directory, int format) {
  {
    const auto store = MustOpen(directory);
    for (int i = 0; i < kRevision; ++i) {
      const store::Change changes[] = {VersionOf(i)};
      const Cursor cursors[] = {{.source = "s", .position = StrCat(i)}};
      ASSERT_TRUE(store->Apply(changes, cursors).ok());
    }
  }
  SetFormat(directory, StrCat(format));
  Change(directory, [&](const Rocks& rocks) {
    rocksdb::DB& db = rocks.db();
    ASSERT_TRUE(db.Put({}, rocks.family(ColumnFamily::kResources),
                       ResourcesKey(kAnn),
                       EncodeRecord(VersionOf(kRevision - 1).record))
                    .ok());
    ASSERT_TRUE(
        db.Delete({}, rocks.family(ColumnFamily::kMeta), ToSlice(kHistoryKey))
            .ok());
    for (const auto family :
         {ColumnFamily::kHistory, ColumnFamily::kHistoryIndex}) {
      ASSERT_TRUE(db.DropColumnFamily(rocks.family(family)).ok());
    }
  });
  WriteIdentity(directory, format);
}

void ExpectUpgraded(const std::string& directory) {
  FakeClock clock;
  const absl::Time upgraded = clock.now;
  {
    const auto store = MustOpen(directory, clock);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->revision(), static_cast<uint64_t>(kRevision));
    const auto record = store->Get(kAnn);
    ASSERT_TRUE(record.ok() && record->has_value());
    EXPECT_EQ((*record)->version_id, "v2");
    EXPECT_EQ(*store->GetCursor("s", "", ""), "2");
    EXPECT_THAT(*store->Blocks(), IsEmpty());
    EXPECT_TRUE(store->Verify().ok());
    const Block put[] = {BlockOf(kAnn)};
    EXPECT_TRUE(store->ApplyBlocks(put, {}).ok());

    // Its history begins now, not before.
    EXPECT_EQ(store->HistoryAt(clock.now).status().code(),
              absl::StatusCode::kOutOfRange);
    ASSERT_TRUE(store->BeginHistory().ok());
    clock.now += absl::Hours(1);
    const store::Change changes[] = {VersionOf(7)};
    ASSERT_TRUE(store->Apply(changes, {}).ok());
    EXPECT_TRUE(store->Verify().ok());
  }
  // What an older program looks at first, and would refuse.
  EXPECT_THAT(ReadFile(directory + "/STORE"), HasSubstr("store format=3 "));
  const auto store = MustOpen(directory, clock);
  EXPECT_THAT(*store->Blocks(), ElementsAre(BlockOf(kAnn)));
  EXPECT_EQ(store->HistoryAt(upgraded - absl::Seconds(1)).status().code(),
            absl::StatusCode::kOutOfRange);
  const auto then = store->HistoryAt(upgraded);
  ASSERT_TRUE(then.ok()) << then.status();
  EXPECT_EQ((**(*then)->Get(kAnn)).version_id, "v2");
  EXPECT_THAT(*(*then)->Blocks(), ElementsAre(BlockOf(kAnn)));
  EXPECT_EQ((**(*store->HistoryAt(clock.now))->Get(kAnn)).version_id, "v7");
}

TEST(StoreFormatTest, AStoreOfAnOlderFormatIsUpgradedInPlace) {
  for (const int format : {1, 2}) {
    SCOPED_TRACE(format);
    const TempDirectory directory;
    Make(directory / "store", format);
    ExpectUpgraded(directory / "store");
  }
}

TEST(StoreFormatTest, AnUpgradeThatWasCutShortIsFinished) {
  {
    SCOPED_TRACE("once the families were made");
    const TempDirectory directory;
    Make(directory / "store", 2);
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    for (const char* name : kColumnFamilyNames)
      families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    rocksdb::DBOptions options;
    options.create_missing_column_families = true;
    ASSERT_TRUE(rocksdb::DB::Open(options, directory / "store/db", families,
                                  &handles, &db)
                    .ok());
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
    delete db;
    ExpectUpgraded(directory / "store");
  }
  {
    SCOPED_TRACE("once the database had been upgraded");
    const TempDirectory directory;
    Make(directory / "store", 2);
    MustOpen(directory / "store").reset();
    WriteIdentity(directory / "store", 2);
    ExpectUpgraded(directory / "store");
  }
}

TEST(StoreFormatTest, AnUpgradeThatWasUndoneIsDataLoss) {
  const TempDirectory directory;
  Make(directory / "store", 2);
  ASSERT_NE(MustOpen(directory / "store"), nullptr);
  SetFormat(directory / "store", "2");
  EXPECT_EQ(Store::Open({.directory = directory / "store"}).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(StoreFormatTest, ADatabaseOfANewerFormatIsRefused) {
  const TempDirectory directory;
  ASSERT_NE(MustOpen(directory / "store"), nullptr);
  SetFormat(directory / "store", "4");
  const auto store = Store::Open({.directory = directory / "store"});
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(store.status().message()),
              HasSubstr("format 4; this program reads format 3"));
}

}  // namespace
}  // namespace pdp::store

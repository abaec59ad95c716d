// What Open refuses.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "pdp/base/strings.h"
#include "rocksdb/db.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::store {
namespace {

namespace fs = std::filesystem;
using fhir::ResourceKey;
using ::testing::HasSubstr;

constexpr int kResources = 2000;

ResourceKey KeyOf(int number) { return {"Task", StrCat("t", number)}; }

Change Put(int number, std::string_view version) {
  Record record;
  record.version_id = version;
  record.project = "p";
  record.last_updated = "2024-05-01T12:00:00.000Z";
  record.bytes = StrCat("{\"n\":", number, ",\"v\":\"", version, "\"}");
  return {.key = KeyOf(number), .record = std::move(record)};
}

absl::StatusOr<std::unique_ptr<Store>> OpenAt(const std::string& directory) {
  return Store::Open({.directory = directory});
}

void Fill(const std::string& directory) {
  auto store = OpenAt(directory);
  ASSERT_TRUE(store.ok()) << store.status();
  std::vector<Change> changes;
  for (int i = 0; i < kResources; ++i) changes.push_back(Put(i, "v1"));
  ASSERT_TRUE((*store)
                  ->Apply(changes,
                          std::vector<Cursor>{{.source = "s", .position = "1"}})
                  .ok());
}

void CopyTree(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

TEST(StoreOpenTest, ADirectoryThatHoldsAnythingElseIsRefusedAndLeftAlone) {
  const TempDirectory directory;
  WriteFile(directory / "notes.txt", "mine");
  const auto store = OpenAt(directory.path());
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("notes.txt"));
  EXPECT_EQ(ReadFile(directory / "notes.txt"), "mine");
  EXPECT_FALSE(fs::exists(directory / "STORE"));
}

TEST(StoreOpenTest, ARocksDbOfAnotherProgramIsRefused) {
  const TempDirectory directory;
  rocksdb::DB* db = nullptr;
  rocksdb::Options options;
  options.create_if_missing = true;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory / "x", &db).ok());
  delete db;
  EXPECT_EQ(OpenAt(directory / "x").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(StoreOpenTest, AFileThatIsNotADirectoryIsRefused) {
  const TempDirectory directory;
  WriteFile(directory / "file", "x");
  EXPECT_EQ(OpenAt(directory / "file").status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(StoreOpenTest, AnotherFormatIsRefusedWithBothNumbers) {
  const TempDirectory directory;
  Fill(directory / "store");
  std::string identity = ReadFile(directory / "store/STORE");
  const size_t at = identity.find("format=3");
  ASSERT_NE(at, std::string::npos);
  identity.replace(at, 8, "format=4");
  WriteFile(directory / "store/STORE", identity);
  const auto store = OpenAt(directory / "store");
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(store.status().message()),
              HasSubstr("has format 4; this program reads format 3"));
}

TEST(StoreOpenTest, AStoreThatIsOpenIsRefused) {
  const TempDirectory directory;
  const auto first = OpenAt(directory / "store");
  EXPECT_TRUE(first.ok()) << first.status();
  const auto second = OpenAt(directory / "store");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
}

TEST(StoreOpenTest, AStoreThatWasNeverFinishedIsMadeAnew) {
  const TempDirectory directory;
  Fill(directory / "store");
  const std::string used = ReadFile(directory / "store/STORE");
  fs::remove_all(directory / "store");
  {
    // What a process leaves that ends between making STORE and using it.
    const auto store = OpenAt(directory / "other");
    ASSERT_TRUE(store.ok());
  }
  fs::create_directories(directory / "store");
  WriteFile(directory / "store/STORE", "");
  EXPECT_TRUE(OpenAt(directory / "store").ok());
}

TEST(StoreOpenTest, AMissingDatabaseIsDataLossAndNotAnEmptyStore) {
  const TempDirectory directory;
  for (const char* lost : {"db", "db/CURRENT", "STORE"}) {
    SCOPED_TRACE(lost);
    fs::remove_all(directory / "store");
    Fill(directory / "store");
    fs::remove_all(fs::path(directory / "store") / lost);
    EXPECT_FALSE(OpenAt(directory / "store").ok());
  }
}

TEST(StoreOpenTest, ACheckpointThatWasCutShortIsRefused) {
  const TempDirectory directory;
  Fill(directory / "store");
  const auto store = OpenAt(directory / "store");
  ASSERT_TRUE((*store)->Checkpoint(directory / "copy").ok());
  fs::remove(directory / "copy/STORE");
  EXPECT_EQ(OpenAt(directory / "copy").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(StoreOpenTest, TheRefusalOfADamagedStoreSaysWhatToDo) {
  const TempDirectory directory;
  Fill(directory / "store");
  fs::remove_all(directory / "store/db");
  const auto store = OpenAt(directory / "store");
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(
      std::string(store.status().message()),
      HasSubstr(StrCat("remove the directory `", directory / "store", "`")));
}

// Opens and reads everything: either something is refused, or all is there.
void ExpectRefusedOrWhole(const std::string& directory, bool& refused) {
  refused = true;
  auto store = OpenAt(directory);
  if (!store.ok()) {
    EXPECT_NE(store.status().code(), absl::StatusCode::kFailedPrecondition)
        << store.status();
    return;
  }
  bool lost = false;
  for (int i = 0; i < kResources; ++i) {
    const auto record = (*store)->Get(KeyOf(i));
    if (!record.ok()) {
      EXPECT_EQ(record.status().code(), absl::StatusCode::kDataLoss);
      lost = true;
      continue;
    }
    ASSERT_TRUE(record->has_value()) << "silently absent: " << i;
    ASSERT_EQ(**record, Put(i, "v1").record);
  }
  int scanned = 0;
  const absl::Status scan =
      (*store)->Scan("Task", "p", [&](const ResourceKey&, const Record&) {
        ++scanned;
        return true;
      });
  if (scan.ok()) {
    ASSERT_EQ(scanned, kResources);
  }
  refused = lost || !scan.ok();
  // Verify also reads what no look-up needed.
  if (refused) {
    EXPECT_FALSE((*store)->Verify().ok());
  }
}

// Flips one byte, in many places, of every file of a kind.
void FlipBytes(std::string_view prefix, std::string_view suffix, int places,
               int& refusals) {
  const TempDirectory directory;
  Fill(directory / "store");
  // Recovery writes table files.
  ASSERT_TRUE(OpenAt(directory / "store").ok());
  int files = 0;
  refusals = 0;
  for (const auto& entry : fs::directory_iterator(directory / "store/db")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    ++files;
    const size_t size = fs::file_size(entry.path());
    for (int i = 0; i < places; ++i) {
      const size_t at =
          size * static_cast<size_t>(i) / static_cast<size_t>(places);
      SCOPED_TRACE(StrCat(name, " at ", at, " of ", size));
      CopyTree(directory / "store", directory / "copy");
      const std::string path = directory / StrCat("copy/db/", name);
      std::string bytes = ReadFile(path);
      bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
      WriteFile(path, bytes);
      bool refused = false;
      ExpectRefusedOrWhole(directory / "copy", refused);
      if (::testing::Test::HasFatalFailure()) return;
      refusals += refused;
    }
  }
  EXPECT_GT(files, 0);
}

TEST(StoreOpenTest, ADamagedTableIsNeverSilentlyAbsent) {
  int refusals = 0;
  FlipBytes("", ".sst", 6, refusals);
  EXPECT_GT(refusals, 6);
}

TEST(StoreOpenTest, ADamagedManifestIsNeverSilentlyAbsent) {
  int refusals = 0;
  FlipBytes("MANIFEST", "", 60, refusals);
  EXPECT_GT(refusals, 50);
}

TEST(StoreOpenTest, ADamagedCurrentFileIsNeverSilentlyAbsent) {
  int refusals = 0;
  FlipBytes("CURRENT", "", 16, refusals);
  EXPECT_EQ(refusals, 16);
}

TEST(StoreOpenTest, ADamagedStoreFileIsRefused) {
  const TempDirectory directory;
  Fill(directory / "store");
  const std::string bytes = ReadFile(directory / "store/STORE");
  for (size_t at = 0; at < bytes.size(); ++at) {
    SCOPED_TRACE(at);
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    WriteFile(directory / "store/STORE", damaged);
    EXPECT_FALSE(OpenAt(directory / "store").ok());
  }
}

TEST(StoreOpenTest, AWriteAheadLogThatLostAcknowledgedBatchesIsRefused) {
  const TempDirectory directory;
  Fill(directory / "store");  // All of it is in the write-ahead log yet.
  int logs = 0;
  for (const auto& entry : fs::directory_iterator(directory / "store/db")) {
    if (entry.path().extension() != ".log" || entry.file_size() == 0) continue;
    ++logs;
    const size_t size = entry.file_size();
    for (const size_t left : {size - 1, size / 2, size_t{0}}) {
      SCOPED_TRACE(left);
      CopyTree(directory / "store", directory / "copy");
      fs::resize_file(
          directory / StrCat("copy/db/", entry.path().filename().string()),
          left);
      EXPECT_EQ(OpenAt(directory / "copy").status().code(),
                absl::StatusCode::kDataLoss);
    }
  }
  EXPECT_EQ(logs, 1);
}

}  // namespace
}  // namespace pdp::store

#include "store/copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "tests/support/temp_directory.h"

namespace pdp::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class CopyTest : public testing::Test {
 protected:
  CopyTest() : store_(*Store::Open({.directory = directory_ / "store"})) {
    Put(*store_, "1");
    EXPECT_TRUE(store_->Checkpoint(checkpoint_).ok());
  }

  static void Put(Store& store, std::string_view version) {
    Record record;
    record.version_id = version;
    record.project = "p";
    record.last_updated = "2024-05-01T12:00:00.000Z";
    record.bytes = "{}";
    const std::vector<Change> changes = {
        {.key = kKey, .record = std::move(record)}};
    const std::vector<Cursor> cursors = {
        {.source = "s", .position = std::string(version)}};
    ASSERT_TRUE(store.Apply(changes, cursors).ok());
  }

  static std::string VersionIn(const Store& store) {
    const auto record = store.Get(kKey);
    return record.ok() && *record ? (*record)->version_id : "";
  }

  absl::StatusOr<uint64_t> Copy() const {
    return CopyCheckpoint(checkpoint_, {.directory = copy_});
  }

  void ExpectRefused(absl::StatusCode code, std::string_view text) const {
    const absl::Status status = Copy().status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(ToStd(status.message()), HasSubstr(text));
    ExpectNoCopy();
  }

  void ExpectNoCopy() const {
    EXPECT_FALSE(Copy().ok());
    EXPECT_FALSE(fs::exists(copy_));
    EXPECT_FALSE(fs::exists(copy_ + ".copy"));
  }

  inline static const fhir::ResourceKey kKey = {"AccessPolicy", "a"};

  const TempDirectory directory_;
  const std::string checkpoint_ = directory_ / "checkpoint";
  const std::string copy_ = directory_ / "copy";
  std::unique_ptr<Store> store_;
};

TEST_F(CopyTest, BeginsWithWhatTheOtherHeldAndGoesOnByItself) {
  Put(*store_, "2");
  const auto revision = Copy();
  ASSERT_TRUE(revision.ok()) << revision.status();
  const auto copy = *Store::Open({.directory = copy_});
  EXPECT_EQ(copy->revision(), *revision);
  EXPECT_EQ(VersionIn(*copy), "1");
  EXPECT_EQ(*copy->GetCursor("s", "", ""), "1");
  Put(*copy, "3");
  EXPECT_EQ(VersionIn(*store_), "2");
  EXPECT_TRUE(copy->Verify().ok());
}

TEST_F(CopyTest, ACheckpointMayBeCopiedAgain) {
  ASSERT_TRUE(Copy().ok());
  fs::remove_all(copy_);
  EXPECT_TRUE(Copy().ok());
}

TEST_F(CopyTest, WhatWasLeftByACopyThatWasKilledIsNoPartOfIt) {
  fs::create_directories(copy_ + ".copy/db");
  WriteFile(copy_ + ".copy/db/CURRENT", "MANIFEST-000099\n");
  EXPECT_TRUE(Copy().ok());
  EXPECT_FALSE(fs::exists(copy_ + ".copy"));
}

TEST_F(CopyTest, AStoreThatIsThereIsLeftAlone) {
  fs::create_directory(copy_);
  EXPECT_EQ(Copy().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(fs::is_empty(copy_));
}

TEST_F(CopyTest, WhatIsNoCheckpointIsRefused) {
  fs::rename(checkpoint_, directory_ / "elsewhere");
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "no checkpoint");
  fs::create_directories(checkpoint_ + "/db");
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "no checkpoint");
}

TEST_F(CopyTest, AStoreThatIsOpenIsRefused) {
  const auto opened = Store::Open({.directory = checkpoint_});
  ASSERT_TRUE(opened.ok());
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "in use");
}

TEST_F(CopyTest, WhatIsDamagedIsRefused) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(checkpoint_ + "/db")) {
    const std::string name = entry.path().filename().string();
    if (name == "CURRENT" || name.starts_with("MANIFEST") ||
        name.ends_with(".sst")) {
      files.push_back(entry.path());
    }
  }
  ASSERT_GE(files.size(), 3u);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.string());
    const std::string aside = directory_ / "aside";
    fs::rename(file, aside);
    ExpectNoCopy();
    fs::copy_file(aside, file);
    fs::resize_file(file, fs::file_size(file) / 2);
    ExpectNoCopy();
    fs::remove(file);
    fs::rename(aside, file);
  }
  EXPECT_TRUE(Copy().ok());
}

}  // namespace
}  // namespace pdp::store

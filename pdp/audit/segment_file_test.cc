#include "pdp/audit/segment_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_directory.h"

namespace pdp::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class RecordingCalls : public FileCalls {
 public:
  int Sync(int file) override {
    if (!fails_) return FileCalls::Sync(file);
    errno = EIO;
    return -1;
  }
  void Forget(int file, uint64_t begin, uint64_t end) override {
    FileCalls::Forget(file, begin, end);
    forgotten.emplace_back(begin, end);
  }

  bool fails_ = false;
  std::vector<std::pair<uint64_t, uint64_t>> forgotten;
};

class SegmentFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = SegmentFile::Create(directory_ / "", "segment", calls_);
    ASSERT_TRUE(made.ok()) << made.status();
    file_ = *std::move(made);
  }

  void Append(uint64_t bytes) {
    ASSERT_TRUE(file_->Append(std::string(bytes, 'x')).ok());
  }

  const TempDirectory directory_;
  RecordingCalls calls_;
  std::unique_ptr<SegmentFile> file_;
};

TEST_F(SegmentFileTest, WhatIsOnTheDiskLeavesThePageCacheButForItsLastPage) {
  Append(kMiB + 5'000);
  EXPECT_THAT(calls_.forgotten, IsEmpty()) << "before it is on the disk";
  ASSERT_TRUE(file_->Sync().ok());
  EXPECT_THAT(calls_.forgotten, ElementsAre(Pair(0, kMiB + 4'096)));

  Append(2 * kMiB);
  ASSERT_TRUE(file_->Sync().ok());
  EXPECT_THAT(
      calls_.forgotten,
      ElementsAre(Pair(0, kMiB + 4'096), Pair(kMiB + 4'096, 3 * kMiB + 4'096)));
}

TEST_F(SegmentFileTest, LittleStaysInThePageCacheUntilThereIsMore) {
  Append(kMiB - 1);
  ASSERT_TRUE(file_->Sync().ok());
  EXPECT_THAT(calls_.forgotten, IsEmpty());
  Append(1);
  ASSERT_TRUE(file_->Sync().ok());
  EXPECT_THAT(calls_.forgotten, ElementsAre(Pair(0, kMiB)));
}

TEST_F(SegmentFileTest, WhatCannotBeSyncedStaysInThePageCache) {
  Append(2 * kMiB);
  calls_.fails_ = true;
  EXPECT_FALSE(file_->Sync().ok());
  EXPECT_THAT(calls_.forgotten, IsEmpty());
}

}  // namespace
}  // namespace pdp::audit

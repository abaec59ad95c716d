#include "pdp/audit/archiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pdp/audit/audit_test_support.h"
#include "pdp/audit/run_command.h"
#include "pdp/audit/verify.h"

namespace pdp::audit {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr absl::Duration kDay = absl::Hours(24);

class ArchiverTest : public testing::Test {
 protected:
  ArchiverTest() {
    options_.max_segment_bytes = 1;  // A segment a record.
    archive_options_.directory = directory_ / "archive";
    Open();
  }

  void Open() {
    auto journal = FileJournal::Open(options_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    chain_ = journal_->NewChain();
    StartArchiver();
  }

  void Close() {
    archiver_.reset();
    chain_.reset();
    journal_.reset();
  }

  void StartArchiver() {
    archiver_ = Archiver::Start(
        *journal_, archive_options_,
        {.clock = &clock_,
         .space =
             [this](const std::string&) {
               uint64_t used = 0;
               for (const std::string& path : Here()) {
                 used += std::filesystem::file_size(path);
               }
               return VolumeSpace{.total_bytes = total_bytes_,
                                  .free_bytes = total_bytes_ - used};
             },
         .run_thread = false});
  }

  void Write(int records) {
    for (int i = 0; i < records; ++i) {
      chain_->Add(TestRecord(clock_.Now(), DecisionId(clock_.Now(), ++ids_)));
      ASSERT_TRUE(chain_->Write().ok());
      clock_.Advance(absl::Seconds(1));
    }
  }

  std::vector<std::string> Here() const {
    return SegmentPaths(options_.directory);
  }
  std::vector<std::string> There() const {
    if (!std::filesystem::exists(directory_ / "archive")) return {};
    return SegmentPaths(directory_ / "archive");
  }

  // The faults of these directories.
  static std::vector<std::string> Faults(
      const std::vector<std::string>& directories) {
    std::vector<std::string> faults;
    const auto report = Verify({.directories = directories});
    EXPECT_TRUE(report.ok()) << report.status();
    for (const Finding& finding : report->findings.all()) {
      if (finding.is_fault()) faults.push_back(finding.ToString());
    }
    return faults;
  }

  TempDirectory directory_;
  FakeClock clock_;
  JournalOptions options_ = TestOptions(directory_ / "audit", clock_);
  ArchiveOptions archive_options_;
  uint64_t total_bytes_ = 1'000'000;
  std::unique_ptr<FileJournal> journal_;
  std::unique_ptr<Chain> chain_;
  std::unique_ptr<Archiver> archiver_;
  int ids_ = 0;
};

TEST_F(ArchiverTest, ClosedSegmentsAreCopiedAndStayUntilTheyAreOld) {
  Write(3);
  archiver_->RunOnce();
  ASSERT_THAT(There(), SizeIs(3));
  EXPECT_THAT(Here(), SizeIs(4)) << "one is written to";
  EXPECT_EQ(ReadFile(There()[1]), ReadFile(Here()[1]));
  EXPECT_EQ(archiver_->Status().archived, 3u);
  EXPECT_EQ(archiver_->Status().waiting, 0u);
  EXPECT_TRUE(archiver_->Status().has_archive);
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().archived, 3u) << "once each";

  clock_.Advance(archive_options_.local_retention);
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().removed_local, 3u);
  EXPECT_EQ(archiver_->Status().failures, 0u);
  EXPECT_THAT(There(), SizeIs(3));
  EXPECT_THAT(Faults({options_.directory}), IsEmpty());
  EXPECT_THAT(Faults({options_.directory, directory_ / "archive"}), IsEmpty());
}

TEST_F(ArchiverTest, WhatAStopClosesIsArchivedBeforeItsEnd) {
  options_.max_segment_bytes = 1 << 20;  // None is closed on the way.
  Close();
  Open();
  Write(3);
  archiver_->RunOnce();
  const size_t archived = There().size();
  ASSERT_LT(archived, Here().size());
  chain_.reset();
  journal_->Close();
  const size_t closed = Here().size();
  total_bytes_ = 1;  // Nothing is removed, though the volume is full.
  for (const std::string& path : Here()) {
    total_bytes_ += std::filesystem::file_size(path);
  }
  archiver_->Finish();
  EXPECT_THAT(Here(), SizeIs(closed));
  EXPECT_THAT(There(), SizeIs(closed));
  EXPECT_THAT(Faults({directory_ / "archive"}), IsEmpty());

  // The next start goes on from there.
  Close();
  Open();
  Write(1);
  Close();
  EXPECT_THAT(Faults({options_.directory, directory_ / "archive"}), IsEmpty());
}

TEST_F(ArchiverTest, NothingIsRemovedWithoutAnArchive) {
  archive_options_.directory.clear();
  StartArchiver();
  Write(5);
  total_bytes_ = 10'000;
  clock_.Advance(3000 * kDay);
  archiver_->RunOnce();
  EXPECT_THAT(Here(), SizeIs(6));
  EXPECT_FALSE(archiver_->Status().has_archive);
}

TEST_F(ArchiverTest, NothingIsRemovedThatIsNotInTheArchiveAsItIsHere) {
  Write(4);
  archiver_->RunOnce();
  const std::string second = There()[1];
  WriteFile(second, "changed");
  clock_.Advance(archive_options_.local_retention);
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().removed_local, 1u)
      << "the first one, and none behind the second";
  EXPECT_EQ(archiver_->Status().failures, 1u);
  archiver_->RunOnce();
  EXPECT_EQ(ReadFile(second).substr(0, 7), "{\"seq\":") << "archived again";
  EXPECT_EQ(archiver_->Status().removed_local, 4u);
}

TEST_F(ArchiverTest, OldestGoFirstWhereTheVolumeIsFull) {
  Write(10);
  uint64_t bytes = 0;
  for (const std::string& path : Here()) {
    bytes += std::filesystem::file_size(path);
  }
  total_bytes_ = bytes;  // Full.
  archiver_->RunOnce();
  const uint64_t removed = archiver_->Status().removed_local;
  EXPECT_GE(removed, 2u);
  EXPECT_LE(removed, 4u);
  EXPECT_THAT(There(), SizeIs(10));
  EXPECT_THAT(Here()[0], HasSubstr(StrCat("0000000", removed + 1, ".jsonl")));
}

TEST_F(ArchiverTest, WhatIsYetToBeReadStaysUnlessThereIsTooLittleRoom) {
  uint64_t read_to = 2;
  archive_options_.is_needed = [&](const SegmentName& name) {
    return name.chain == 0 && name.number >= read_to;
  };
  StartArchiver();
  Write(4);
  const auto first_here = [&] {
    return ListSegments(options_.directory)->front();
  };
  clock_.Advance(absl::Hours(24 * 31));
  archiver_->RunOnce();
  EXPECT_EQ(first_here().number, 2u);
  archiver_->RunOnce();
  EXPECT_EQ(first_here().number, 2u);
  read_to = 3;
  archiver_->RunOnce();
  EXPECT_EQ(first_here().number, 3u);
  total_bytes_ = 0;
  for (const std::string& path : Here()) {
    total_bytes_ += std::filesystem::file_size(path);
  }
  archiver_->RunOnce();
  EXPECT_GT(first_here().number, 3u);
  EXPECT_THAT(Faults({directory_ / "archive", options_.directory}), IsEmpty());
}

TEST_F(ArchiverTest, ASegmentLeavesTheArchiveAfterItsRetentionAndThatIsSaid) {
  archive_options_.local_retention = absl::ZeroDuration();
  StartArchiver();
  Write(3);
  archiver_->RunOnce();
  clock_.Advance(archive_options_.retention / 2);
  Write(3);
  archiver_->RunOnce();
  clock_.Advance(archive_options_.retention / 2);
  Write(1);
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().removed_archive, 4u)
      << "three of decisions, and one of removals";
  EXPECT_THAT(Faults({options_.directory, directory_ / "archive"}), IsEmpty());
  // What is removed here is no excuse for what is missing there.
  std::filesystem::remove(There()[0]);
  EXPECT_THAT(Faults({options_.directory, directory_ / "archive"}),
              Contains(HasSubstr("missing")));
}

TEST_F(ArchiverTest, RemovalsAreToldAgainForEachChain) {
  archive_options_.local_retention = absl::ZeroDuration();
  StartArchiver();
  const auto other = journal_->NewChain();
  Write(3);
  archiver_->RunOnce();
  other->Add(TestRecord(clock_.Now(), DecisionId(clock_.Now(), ++ids_)));
  ASSERT_TRUE(other->Write().ok());
  for (int round = 0; round < 5; ++round) {
    Write(2);
    archiver_->RunOnce();
    ASSERT_THAT(Faults({options_.directory}), IsEmpty()) << round;
  }
}

TEST_F(ArchiverTest, ARestartKnowsWhatIsArchivedAndRemoved) {
  Write(3);
  archiver_->RunOnce();
  Close();
  Open();
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().archived, 1u) << "the one closed since";
  clock_.Advance(archive_options_.local_retention);
  archiver_->RunOnce();
  EXPECT_GE(archiver_->Status().removed_local, 3u);
  Close();
  Open();
  Write(2);
  EXPECT_THAT(Faults({options_.directory}), IsEmpty());
  EXPECT_THAT(Faults({options_.directory, directory_ / "archive"}), IsEmpty());
}

TEST_F(ArchiverTest, CommandsArchiveAndAreCompared) {
  const std::string put = directory_ / "put";
  const std::string digest = directory_ / "digest";
  std::filesystem::create_directory(directory_ / "archive");
  WriteFile(put, StrCat("#!/bin/sh\ncp \"$2\" \"$1\"\n"));
  WriteFile(digest, "#!/bin/sh\nsha256sum \"$1/${2##*/}\"\n");
  chmod(put.c_str(), 0700);
  chmod(digest.c_str(), 0700);
  archive_options_.directory.clear();
  archive_options_.command = {put, directory_ / "archive"};
  archive_options_.digest_command = {digest, directory_ / "archive"};
  StartArchiver();
  Write(2);
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().archived, 2u);
  EXPECT_THAT(There(), SizeIs(2));

  WriteFile(digest, StrCat("#!/bin/sh\necho ", std::string(64, '0'), "\n"));
  Write(1);
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().archived, 2u);
  EXPECT_EQ(archiver_->Status().waiting, 1u);
  EXPECT_EQ(archiver_->Status().failures, 1u);
  clock_.Advance(archive_options_.local_retention);
  archiver_->RunOnce();
  EXPECT_EQ(archiver_->Status().removed_local, 0u);
}

TEST_F(ArchiverTest, DaysUntilFullFollowFromTheGrowth) {
  archive_options_.directory.clear();
  StartArchiver();
  Write(1);
  archiver_->RunOnce();
  EXPECT_FALSE(archiver_->Status().days_until_full.has_value());
  const uint64_t before = archiver_->Status().local_bytes;
  clock_.Advance(absl::Hours(12));
  Write(10);
  archiver_->RunOnce();
  const ArchiveStatus status = archiver_->Status();
  ASSERT_TRUE(status.days_until_full.has_value());
  const double a_day = 2.0 * static_cast<double>(status.local_bytes - before);
  EXPECT_NEAR(*status.days_until_full,
              static_cast<double>(status.free_bytes) / a_day, 0.1);
}

TEST(RunCommandTest, OutputIsReturnedAndFaultsAreTold) {
  const auto hello = RunCommand({"echo", "a;b $HOME"}, absl::Seconds(60));
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_EQ(*hello, "a;b $HOME\n") << "without a shell";
  struct Case {
    std::vector<std::string> command;
    absl::Duration limit;
    std::string message;
  };
  for (const Case& c : std::vector<Case>{
           {{"/none"}, absl::Seconds(60), "cannot run `/none`"},
           {{"false"}, absl::Seconds(60), "exit code 1"},
           {{"sleep", "600"}, absl::Milliseconds(50), "took longer"},
           {{"sh", "-c", "kill -9 $$"}, absl::Seconds(60), "by a signal"},
           // What it started goes with it.
           {{"sh", "-c", "sleep 600 & wait"},
            absl::Milliseconds(50),
            "took longer"}}) {
    SCOPED_TRACE(c.message);
    const auto result = RunCommand(c.command, c.limit);
    ASSERT_FALSE(result.ok());
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(c.message));
  }
  const auto much =
      RunCommand({"head", "-c", "1000000", "/dev/zero"}, absl::Seconds(60));
  ASSERT_TRUE(much.ok());
  EXPECT_EQ(much->size(), 65536u);
}

}  // namespace
}  // namespace pdp::audit

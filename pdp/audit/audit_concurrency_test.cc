// Chains, and the thread that looks after them.

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pdp/audit/archiver.h"
#include "pdp/audit/audit_test_support.h"
#include "pdp/audit/best_effort_journal.h"
#include "pdp/audit/segment_scan.h"
#include "pdp/audit/shared_chain.h"
#include "pdp/audit/verify.h"

namespace pdp::audit {
namespace {

TEST(AuditConcurrencyTest, ThreadsWriteWhileSegmentsAreRotatedAndSynced) {
  constexpr int kThreads = 4;
  constexpr int kWrites = 300;
  const TempDirectory directory;
  JournalOptions options;
  options.directory = directory / "audit";
  options.max_segment_bytes = 20'000;
  options.sync_interval = absl::Microseconds(200);
  options.checkpoint_interval = absl::Milliseconds(1);
  options.checkpoint_records = 50;
  {
    const auto journal = FileJournal::Open(options);
    ASSERT_TRUE(journal.ok()) << journal.status();
    SharedChain shared(**journal);
    std::atomic<bool> done = false;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        auto chain = (*journal)->NewChain();
        for (int i = 0; i < kWrites; ++i) {
          const std::string id = DecisionId(absl::Now(), i);
          chain->Add(TestRecord(absl::Now(), id));
          chain->Add(TestRecord(absl::Now(), id));
          EXPECT_TRUE(chain->Write().ok());
          if (i % 50 == 0) {
            EXPECT_TRUE(shared.Write(TestRecord({}, id)).ok());
          }
          if (i % 100 == 99) chain = (*journal)->NewChain();
        }
      });
    }
    std::thread reader([&] {
      while (!done) {
        (void)(*journal)->Status();
        EXPECT_TRUE((*journal)->ClosedSegments().ok());
        EXPECT_TRUE((*journal)->RecordRemovals({{.chain = "x"}}).ok());
      }
    });
    for (std::thread& thread : threads) thread.join();
    done = true;
    reader.join();
  }
  size_t records = 0;
  for (const std::string& path : SegmentPaths(options.directory)) {
    const auto scan = ScanSegment(path);
    ASSERT_TRUE(scan.ok());
    EXPECT_TRUE(scan->is_closed) << path;
    EXPECT_EQ(scan->torn.bytes, 0u) << path;
    records += CountRecords(path, "decision");
  }
  EXPECT_EQ(records, size_t{kThreads * (2 * kWrites + kWrites / 50)});
}

TEST(AuditConcurrencyTest, NothingIsLostOfWhatFitsInBestEffort) {
  constexpr int kThreads = 4;
  constexpr int kWrites = 300;
  const TempDirectory directory;
  JournalOptions options;
  options.directory = directory / "audit";
  options.sync_interval = absl::Microseconds(200);
  const auto journal = FileJournal::Open(options);
  ASSERT_TRUE(journal.ok()) << journal.status();
  BestEffortJournal queue(**journal);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      const auto chain = queue.NewChain();
      for (int i = 0; i < kWrites; ++i) {
        chain->Add(TestRecord(absl::Now(), "id"));
        EXPECT_TRUE(chain->Write().ok());
        (void)queue.queued_bytes();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  queue.Flush();
  EXPECT_EQ((*journal)->Status().records, uint64_t{kThreads * kWrites});
}

TEST(AuditConcurrencyTest, ALogIsArchivedRemovedAndVerifiedWhileItIsWritten) {
  constexpr int kWrites = 400;
  const TempDirectory directory;
  JournalOptions options;
  options.directory = directory / "audit";
  options.max_segment_bytes = 5'000;
  options.sync_interval = absl::Microseconds(200);
  ArchiveOptions archive;
  archive.directory = directory / "archive";
  archive.interval = absl::Microseconds(200);
  archive.local_retention = absl::ZeroDuration();
  {
    const auto journal = FileJournal::Open(options);
    ASSERT_TRUE(journal.ok()) << journal.status();
    const auto archiver = Archiver::Start(**journal, archive);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&] {
        const auto chain = (*journal)->NewChain();
        for (int i = 0; i < kWrites; ++i) {
          chain->Add(TestRecord(absl::Now(), "id"));
          EXPECT_TRUE(chain->Write().ok());
          (void)archiver->Status();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    archiver->RunOnce();
    EXPECT_EQ(archiver->Status().failures, 0u);
    EXPECT_GT(archiver->Status().removed_local, 10u);
  }
  for (const bool with_archive : {false, true}) {
    VerifyOptions verify{.directories = {options.directory}};
    if (with_archive) verify.directories.push_back(archive.directory);
    const auto report = Verify(verify);
    ASSERT_TRUE(report.ok()) << report.status();
    for (const Finding& finding : report->findings.all()) {
      EXPECT_FALSE(finding.is_fault()) << finding.ToString();
    }
    if (with_archive) {
      EXPECT_EQ(report->records, uint64_t{2 * kWrites});
    }
  }
}

// Says up to where each sync that ended reached.
class SlowSync : public FileCalls {
 public:
  ssize_t Write(int file, std::string_view bytes) override {
    const ssize_t count = FileCalls::Write(file, bytes);
    if (count > 0) written_ += count;
    return count;
  }
  int Sync(int /*file*/) override {
    const int64_t reached = written_;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    int64_t before = synced_;
    while (before < reached &&
           !synced_.compare_exchange_weak(before, reached)) {
    }
    errno = EIO;
    return fails_ ? -1 : 0;
  }

  int64_t written() const { return written_; }
  int64_t synced() const { return synced_; }
  void Fail() { fails_ = true; }

 private:
  std::atomic<int64_t> written_ = 0;
  std::atomic<int64_t> synced_ = 0;
  std::atomic<bool> fails_ = false;
};

// Takes as long as the test wants.
class HeldSync : public FileCalls {
 public:
  int Sync(int /*file*/) override {
    begun_ = true;
    while (!let_go_) std::this_thread::yield();
    ended_ = true;
    return 0;
  }
  void LetGo() { let_go_ = true; }
  bool begun() const { return begun_; }
  bool ended() const { return ended_; }

 private:
  std::atomic<bool> begun_ = false;
  std::atomic<bool> let_go_ = false;
  std::atomic<bool> ended_ = false;
};

TEST(AuditConcurrencyTest, WhatAnotherThreadSyncsIsWaitedFor) {
  const TempDirectory directory;
  HeldSync calls;
  const auto file = SegmentFile::Create(directory / "", "segment", calls);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("record\n").ok());
  std::thread first([&] { EXPECT_TRUE((*file)->Sync().ok()); });
  while (!calls.begun()) std::this_thread::yield();
  std::atomic<bool> is_back = false;
  std::thread second([&] {
    EXPECT_TRUE((*file)->Sync().ok());
    EXPECT_TRUE(calls.ended()) << "it is not on the disk yet";
    is_back = true;
  });
  // So long it may go wrong.
  for (int i = 0; i < 200 && !is_back; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  calls.LetGo();
  first.join();
  second.join();
}

TEST(AuditConcurrencyTest, ASyncedAppendIsOnTheDiskWhoeverSyncsBesideIt) {
  const TempDirectory directory;
  SlowSync calls;
  const auto file = SegmentFile::Create(directory / "", "segment", calls);
  ASSERT_TRUE(file.ok()) << file.status();
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) (void)(*file)->Sync();
  });
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE((*file)->AppendSynced("record\n").ok());
    ASSERT_EQ(calls.synced(), calls.written());
  }
  // Whichever of the two fails, the record is not there.
  calls.Fail();
  EXPECT_FALSE((*file)->AppendSynced("record\n").ok());
  done = true;
  other.join();
}

}  // namespace
}  // namespace pdp::audit

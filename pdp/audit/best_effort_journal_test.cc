#include "pdp/audit/best_effort_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "pdp/audit/audit_test_support.h"
#include "pdp/audit/verify.h"

namespace pdp::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class BestEffortJournalTest : public testing::Test {
 protected:
  BestEffortJournalTest() {
    options_.calls = &calls_;
    auto journal = FileJournal::Open(options_);
    if (journal.ok()) journal_ = *std::move(journal);
  }

  TempDirectory directory_;
  FakeClock clock_;
  FaultyCalls calls_;
  JournalOptions options_ = TestOptions(directory_ / "audit", clock_);
  std::unique_ptr<FileJournal> journal_;
};

TEST_F(BestEffortJournalTest, RecordsAreWrittenAfterwards) {
  BestEffortJournal journal(*journal_);
  const auto chain = journal.NewChain();
  chain->Add(TestRecord(clock_.Now(), "a"));
  chain->Add(TestRecord(clock_.Now(), "b"));
  EXPECT_TRUE(chain->has_added());
  EXPECT_TRUE(chain->Write().ok());
  EXPECT_FALSE(chain->has_added());
  journal.Flush();
  EXPECT_THAT(Kinds(SegmentPaths(options_.directory)[0]),
              ElementsAre("segment", "decision", "decision"));
  EXPECT_EQ(journal.queued_bytes(), 0u);
  EXPECT_EQ(journal_->Status().dropped, 0u);
}

TEST_F(BestEffortJournalTest, AFullDiskFailsNothingAndIsToldOfAfterwards) {
  BestEffortJournal journal(*journal_);
  const auto chain = journal.NewChain();
  calls_.write_error = ENOSPC;
  for (int i = 0; i < 3; ++i) {
    chain->Add(TestRecord(clock_.Now(), "a"));
    EXPECT_TRUE(chain->Write().ok());
  }
  journal.Flush();
  EXPECT_EQ(journal_->Status().dropped, 3u);
  calls_.write_error = 0;
  chain->Add(TestRecord(clock_.Now(), "b"));
  EXPECT_TRUE(chain->Write().ok());
  journal.Flush();
  const std::string path = SegmentPaths(options_.directory)[0];
  EXPECT_THAT(Kinds(path), ElementsAre("segment", "dropped", "decision"));
  EXPECT_THAT(Lines(path)[1], HasSubstr(R"("records":3)"));
  const auto report = Verify({.directories = {options_.directory}});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->findings.remarks(), 2u) << "dropped, and not closed";
}

TEST_F(BestEffortJournalTest, WhatDoesNotFitIsDroppedAndCounted) {
  BestEffortJournal journal(*journal_, 1000);
  const auto chain = journal.NewChain();
  for (int i = 0; i < 100; ++i) chain->Add(TestRecord(clock_.Now(), "a"));
  EXPECT_TRUE(chain->Write().ok());
  EXPECT_GE(journal_->Status().dropped, 90u);
  journal.Flush();
  EXPECT_EQ(journal_->Status().dropped + journal_->Status().records, 100u);
}

TEST_F(BestEffortJournalTest, WhatWaitsAtTheEndIsWritten) {
  {
    BestEffortJournal journal(*journal_);
    const auto chain = journal.NewChain();
    for (int i = 0; i < 1000; ++i) chain->Add(TestRecord(clock_.Now(), "a"));
    EXPECT_TRUE(chain->Write().ok());
  }
  EXPECT_EQ(journal_->Status().records, 1000u);
}

}  // namespace
}  // namespace pdp::audit

#include "clients/pdpctl/recorded_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "pdp/audit/audit_test_support.h"

namespace pdp::ctl {
namespace {

using ::testing::HasSubstr;

class RecordedChecksTest : public ::testing::Test {
 protected:
  RecordedChecksTest() {
    journal_ = *audit::FileJournal::Open(audit::TestOptions(log_, clock_));
    chain_ = journal_->NewChain();
  }

  audit::Record Record() {
    id_ = audit::DecisionId(clock_.Now(), ++number_);
    return audit::TestRecord(clock_.Now(), id_);
  }
  void Write(const audit::Record& record) {
    chain_->Add(record);
    ASSERT_TRUE(chain_->Write().ok());
  }
  absl::StatusOr<RecordedChecks> Read(const AuditFilters& filters = {},
                                      size_t max_checks = 100) {
    return ReadRecordedChecks({log_}, filters, max_checks);
  }

  FakeClock clock_;
  TempDirectory directory_;
  const std::string log_ = directory_ / "audit";
  std::unique_ptr<audit::FileJournal> journal_;
  std::unique_ptr<audit::Chain> chain_;
  std::string id_;
  int number_ = 0;
};

TEST_F(RecordedChecksTest, EachQuestionIsAskedOnce) {
  Write(Record());
  const std::string first = id_;
  Write(Record());
  audit::Record other = Record();
  other.resource = "Patient/p2";
  other.smart_scope = "user/*.r";
  Write(other);
  const auto found = Read();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->decisions, 3u);
  EXPECT_EQ(found->left_out, 0u);
  ASSERT_EQ(found->checks.size(), 2u);
  EXPECT_EQ(found->checks[0].id, first + " and 1 more");
  EXPECT_EQ(found->checks[0].what, "read Patient/p1");
  EXPECT_EQ(found->checks[0].request.subject().reference(),
            "ProjectMembership/m1");
  EXPECT_EQ(found->checks[1].id, id_);
  EXPECT_EQ(found->checks[1].request.resource().id(), "p2");
  EXPECT_EQ(found->checks[1].request.context().smart_scope(), "user/*.r");
}

TEST_F(RecordedChecksTest, WhatCannotBeAskedAgainIsCounted) {
  audit::Record write = Record();
  write.interaction = "update";
  Write(write);
  audit::Record nobody = Record();
  nobody.subject = "token";
  Write(nobody);
  // No decision about a resource.
  audit::Record filter = Record();
  filter.kind = audit::RecordKind::kFilter;
  Write(filter);
  audit::Record simulated = Record();
  simulated.kind = audit::RecordKind::kSimulation;
  Write(simulated);
  const auto found = Read();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->decisions, 2u);
  EXPECT_EQ(found->left_out, 2u);
  EXPECT_TRUE(found->checks.empty());
}

TEST_F(RecordedChecksTest, FiltersSayWhichDecisionsAreMeant) {
  Write(Record());
  audit::Record other = Record();
  other.subject = "ProjectMembership/m2";
  Write(other);
  const auto found = Read({.subject = "ProjectMembership/m2"});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->checks.size(), 1u);
  EXPECT_EQ(found->checks[0].who, "ProjectMembership/m2");
  EXPECT_EQ(Read({.from = "yesterday"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(RecordedChecksTest, TooManyQuestionsAreRefused) {
  Write(Record());
  audit::Record other = Record();
  other.resource = "Patient/p2";
  Write(other);
  EXPECT_TRUE(Read({}, 2).ok());
  const absl::Status status = Read({}, 1).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("--from"));
}

TEST_F(RecordedChecksTest, ALogThatIsNotWholeIsNotHalfRead) {
  Write(Record());
  const std::string path = audit::SegmentPaths(log_).front();
  std::ofstream(path, std::ios::app) << "no record\n";
  const absl::Status status = Read().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
}

}  // namespace
}  // namespace pdp::ctl

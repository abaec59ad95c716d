#include "clients/pdpctl/run_audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "clients/pdpctl/command_line.h"
#include "pdp/audit/audit_test_support.h"

namespace pdp::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

// A log of a permitted decision and a denied one, each in a line of its own.
class RunAuditTest : public testing::Test {
 protected:
  RunAuditTest() {
    auto journal = audit::FileJournal::Open(audit::TestOptions(log_, clock_));
    if (!journal.ok()) return;
    const auto chain = (*journal)->NewChain();
    permitted_ = audit::DecisionId(clock_.Now(), 1);
    denied_ = audit::DecisionId(clock_.Now(), 2);
    audit::Record record = audit::TestRecord(clock_.Now(), permitted_);
    chain->Add(record);
    if (!chain->Write().ok()) return;
    record.decision_id = denied_;
    record.effect = "DENY";
    record.reason = "RESOURCE_NOT_GRANTED";
    chain->Add(record);
    if (!chain->Write().ok()) return;
  }

  static Result Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"pdpctl", "audit"});
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) {
      argv.push_back(argument.c_str());
    }
    std::ostringstream out;
    std::ostringstream err;
    Result result;
    const auto parsed =
        ParseCommandLine(static_cast<int>(argv.size()), argv.data(), out, err);
    if (const int* code = std::get_if<int>(&parsed)) {
      result.code = *code;
    } else {
      const auto& line = std::get<CommandLine>(parsed);
      result.code =
          RunAudit(std::get<AuditCommand>(line.command), line.output, out, err);
    }
    result.out = out.str();
    result.err = err.str();
    return result;
  }

  TempDirectory directory_;
  FakeClock clock_;
  const std::string log_ = directory_ / "audit";
  std::string permitted_;
  std::string denied_;
};

TEST_F(RunAuditTest, AWholeLogEndsWithZero) {
  const Result result = Run({"verify", log_});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("2 records"), HasSubstr("whole")));
  EXPECT_THAT(Run({"verify", log_, "--output", "json"}).out,
              AllOf(HasSubstr(R"("ok":true)"), HasSubstr(R"("records":2)")));
}

TEST_F(RunAuditTest, ATamperedLogEndsWithThreeAndSaysWhere) {
  const std::string path = audit::SegmentPaths(log_)[0];
  std::string text = ReadFile(path);
  text.replace(text.find("DENY"), 4, "NONE");
  WriteFile(path, text);
  const Result result = Run({"verify", log_});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.out, HasSubstr(StrCat(path, ":3: changed: ")));
  EXPECT_THAT(result.out, HasSubstr("(seq 3)"));
  const Result json = Run({"verify", log_, "--output", "json"});
  EXPECT_EQ(json.code, 3);
  EXPECT_THAT(json.out,
              AllOf(HasSubstr(R"("ok":false)"), HasSubstr(R"("line":3)"),
                    HasSubstr(R"("kind":"changed")")));
}

TEST_F(RunAuditTest, HeadsThatWereKeptAreLookedFor) {
  const std::string kept = directory_ / "kept";
  WriteFile(kept, ReadFile(log_ + "/heads.jsonl"));
  EXPECT_EQ(Run({"verify", log_, "--heads", kept}).code, 0);
  std::filesystem::remove(log_ + "/heads.jsonl");
  std::filesystem::remove(audit::SegmentPaths(log_)[0]);
  EXPECT_EQ(Run({"verify", log_, "--heads", kept}).code, 3);
}

TEST_F(RunAuditTest, WhatCannotBeReadEndsWithOneAndAWrongLineWithTwo) {
  EXPECT_EQ(Run({"verify", directory_ / "none"}).code, 1);
  EXPECT_EQ(Run({"verify", directory_.path().string()}).code, 1);
  EXPECT_EQ(Run({"verify", log_, "--public-key", "/none"}).code, 1);
  EXPECT_EQ(Run({"verify", log_, "--heads", "/none"}).code, 1);
  EXPECT_EQ(Run({}).code, 2);
  EXPECT_EQ(Run({"verify"}).code, 2);
  EXPECT_EQ(Run({"query", log_, "--from", "yesterday"}).code, 2);
  EXPECT_EQ(Run({"query", log_, "--decision", "x"}).code, 2);
  EXPECT_EQ(
      Run({"query", log_, "--from", "2026-02-01", "--to", "2026-01-01"}).code,
      2);
  EXPECT_EQ(Run({"report", "none", log_}).code, 2);
  EXPECT_EQ(Run({"report", "patient", log_}).code, 2);
  EXPECT_EQ(Run({"report", "member", log_}).code, 2);
}

TEST_F(RunAuditTest, WhatIsAskedForIsFound) {
  const Result denied = Run({"query", log_, "--effect", "DENY"});
  EXPECT_EQ(denied.code, 0);
  EXPECT_THAT(denied.out,
              AllOf(HasSubstr("RESOURCE_NOT_GRANTED"), HasSubstr(denied_)));
  EXPECT_EQ(std::count(denied.out.begin(), denied.out.end(), '\n'), 1);
  EXPECT_THAT(
      Run({"query", log_, "--decision", permitted_, "--output", "json"}).out,
      HasSubstr(R"("reason":"PERMITTED")"));
  EXPECT_THAT(Run({"query", log_, "--patient", "Patient/none"}).out, IsEmpty());
  EXPECT_THAT(Run({"query", log_, "--from", "2035-01-01"}).out, IsEmpty());
}

TEST_F(RunAuditTest, RecordsAreExportedAsLinesAndAsCells) {
  const Result json = Run({"export", log_});
  EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 2);
  EXPECT_THAT(json.out, HasSubstr(R"({"seq":2,)"));
  const Result csv = Run({"export", log_, "--csv"});
  EXPECT_THAT(csv.out, testing::StartsWith("time,kind,decision_id,"));
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 3);
}

TEST_F(RunAuditTest, ReportsAreTablesLinesOrCells) {
  const std::vector<std::string> report = {"report", "patient", log_,
                                           "--patient", "Patient/p1"};
  EXPECT_THAT(Run(report).out, HasSubstr("ProjectMembership/m1"));
  std::vector<std::string> json = report;
  json.insert(json.end(), {"--output", "json"});
  EXPECT_THAT(Run(json).out, HasSubstr(R"("permitted":"1","denied":"1")"));
  std::vector<std::string> csv = report;
  csv.emplace_back("--csv");
  EXPECT_THAT(Run(csv).out, HasSubstr(",1,1,read,"));
}

TEST_F(RunAuditTest, LinesThatAreNoRecordsAreToldAndEndWithOne) {
  const std::string path = audit::SegmentPaths(log_)[0];
  WriteFile(path, ReadFile(path) + "garbage\n");
  const Result result = Run({"query", log_});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr(StrCat(path, ":5: ")));
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 2);
}

}  // namespace
}  // namespace pdp::ctl

#include "clients/pdpctl/run_lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {
namespace {

using testing::HasSubstr;

class LintCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "pdpctl_lint_test";
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_ + "/below");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name) << text;
  }

  int Run(OutputFormat output = OutputFormat::kText) {
    LintCommand command;
    command.directory = directory_;
    return RunLint(command, output, out_, err_);
  }

  std::string directory_;
  std::ostringstream out_;
  std::ostringstream err_;
};

constexpr char kMember[] =
    R"({"resourceType":"ProjectMembership","id":"m","project":{"reference":
    "Project/p"},"user":{"reference":"User/u"},"profile":{"reference":
    "Practitioner/x"},"accessPolicy":{"reference":"AccessPolicy/a"}})";

TEST_F(LintCommandTest, FindsWhatIsWrongInFilesAndBundles) {
  Write("below/policy.json",
        R"({"resourceType":"AccessPolicy","id":"a","resource":[
           {"resourceType":"Task","criteria":"Tsk?status=draft"}]})");
  Write("bundle.json",
        std::string(R"({"resourceType":"Bundle","entry":[{"resource":)") +
            kMember + "}]}");
  EXPECT_EQ(Run(), 3);
  EXPECT_THAT(out_.str(), HasSubstr("AccessPolicy/a\n  error: "
                                    "resource[0].criteria: `Tsk?status=draft` "
                                    "should begin with `Task?`."));
  EXPECT_THAT(out_.str(), HasSubstr("[criteria-prefix]\n"));
  EXPECT_THAT(out_.str(), HasSubstr("\nerrors: 1, warnings: 0, remarks: 0\n"));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(LintCommandTest, RemarksAreNoFindings) {
  Write("policy.json",
        R"({"resourceType":"AccessPolicy","id":"a","resource":[
           {"resourceType":"Observation"}]})");
  Write("member.json", kMember);
  EXPECT_EQ(Run(OutputFormat::kJson), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\"rule\":\"grant-whole-type\""));
}

TEST_F(LintCommandTest, SaysWhichFileIsBroken) {
  Write("below/policy.json", "{");
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(err_.str(), HasSubstr("below/policy.json: "));
  directory_ += "/nowhere";
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(err_.str(), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace pdp::ctl

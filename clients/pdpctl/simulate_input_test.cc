#include "clients/pdpctl/simulate_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pdp::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(SimulateInputTest, ChecksAreATableOrOneOnEachLine) {
  const auto table = ParseChecks(R"({"groups":[{"title":"t","cases":[
    {"id":"a","who":"Ada","subject":{"profile":"Patient/1"},
     "interaction":"read","resource":"Patient/1",
     "expect":{"effect":"PERMIT"}}]}]})");
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->size(), 1u);
  EXPECT_EQ((*table)[0].id, "a");
  EXPECT_EQ((*table)[0].who, "Ada");
  EXPECT_EQ((*table)[0].what, "read Patient/1");

  const auto lines = ParseChecks(
      "{\"subject\":{\"reference\":\"User/1\"},\"interaction\":"
      "\"INTERACTION_READ\",\"resource\":{\"type\":\"Task\",\"id\":\"7\"}}\n"
      "\n"
      "{\"subject\":{\"reference\":\"User/2\"},\"interaction\":7,"
      "\"resource\":{\"type\":\"Task\"}}");
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 2u);
  EXPECT_EQ((*lines)[0].what, "read Task/7");
  EXPECT_EQ((*lines)[1].id, "line 3");
  EXPECT_EQ((*lines)[1].who, "User/2");
  EXPECT_EQ((*lines)[1].what, "search Task");
}

TEST(SimulateInputTest, WhatIsNeitherIsRefusedByLine) {
  const auto checks = ParseChecks("{}\n{\"subjekt\":1}\n");
  ASSERT_FALSE(checks.ok());
  EXPECT_THAT(std::string(checks.status().message()), StartsWith("line 2: "));
  EXPECT_FALSE(ParseChecks("").ok());
  EXPECT_FALSE(ParseChecks("{\"filters\":[]}").ok());
}

class ProposedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "pdpctl_proposed";
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_ + "/more");
    Write("bundle.json",
          R"({"resourceType":"Bundle","entry":[
               {"resource":{"resourceType":"AccessPolicy","id":"a"}},
               {"resource":{"resourceType":"Patient","id":"p"}}]})");
    Write("more/member.json",
          R"({"resourceType":"ProjectMembership","id":"m"})");
    Write(".hidden.json", "not JSON");
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
  }

  std::string directory_;
  std::vector<std::string> proposed_;
  size_t left_out_ = 0;
};

TEST_F(ProposedTest, OfADirectoryWhatCanBeProposedIsTaken) {
  ASSERT_TRUE(AddProposed(directory_, proposed_, left_out_).ok());
  EXPECT_THAT(proposed_, ElementsAre(HasSubstr("AccessPolicy"),
                                     HasSubstr("ProjectMembership")));
  EXPECT_EQ(left_out_, 1u);
}

// The server says what is wrong with it, rather than nobody.
TEST_F(ProposedTest, AFileWithOneResourceIsTakenAsItIs) {
  Write("patient.json", R"({"resourceType":"Patient","id":"p"})");
  ASSERT_TRUE(
      AddProposed(directory_ + "/patient.json", proposed_, left_out_).ok());
  EXPECT_THAT(proposed_, ElementsAre(HasSubstr("Patient")));
  EXPECT_EQ(left_out_, 0u);
}

TEST_F(ProposedTest, WhatIsNotFhirIsRefusedByFile) {
  Write("broken.json", "{");
  const absl::Status status = AddProposed(directory_, proposed_, left_out_);
  EXPECT_THAT(std::string(status.message()),
              StartsWith(directory_ + "/broken.json: "));
  EXPECT_FALSE(AddProposed("/nonexistent", proposed_, left_out_).ok());
}

}  // namespace
}  // namespace pdp::ctl

#include "clients/pdpctl/access_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <variant>

namespace pdp::ctl {
namespace {

namespace v1 = ::medplum::pdp::v1;

using testing::ElementsAre;

TEST(AccessReportTest, HasARowForEachTypeOfAMember) {
  v1::MembershipSummary member;
  member.set_project("p");
  member.set_membership("ProjectMembership/m");
  member.set_profile("Practitioner/x");
  member.set_user("User/u");
  member.set_active(true);
  member.add_policies("AccessPolicy/a");
  member.add_policies("AccessPolicy/b");
  v1::DescribeAccessResponse access;
  access.set_reason(v1::REASON_PERMITTED);
  access.add_tenants()->set_reference("Organization/o");
  v1::TypeAccess& patients = *access.add_types();
  patients.set_resource_type("Patient");
  patients.add_interactions(v1::INTERACTION_READ);
  patients.add_interactions(v1::INTERACTION_SEARCH);
  patients.add_unrestricted_interactions(v1::INTERACTION_READ);
  access.add_types()->set_resource_type("Task");
  audit::ReportTable table = AccessTable();
  AddAccess(member, access, table);
  EXPECT_THAT(
      table.rows,
      ElementsAre(
          ElementsAre("p", "ProjectMembership/m", "Practitioner/x", "User/u",
                      "yes", "no", "PERMITTED", "AccessPolicy/a AccessPolicy/b",
                      "Organization/o", "Patient", "read search", "read"),
          ElementsAre("p", "ProjectMembership/m", "Practitioner/x", "User/u",
                      "yes", "no", "PERMITTED", "AccessPolicy/a AccessPolicy/b",
                      "Organization/o", "Task", "", "")));
  EXPECT_EQ(table.rows[0].size(), table.columns.size());
}

TEST(AccessReportTest, WhoReachesNothingHasARowToo) {
  v1::MembershipSummary member;
  member.set_membership("ProjectMembership/m");
  v1::DescribeAccessResponse access;
  access.set_reason(v1::REASON_SUBJECT_INACTIVE);
  audit::ReportTable table = AccessTable();
  AddAccess(member, access, table);
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre(
                              "", "ProjectMembership/m", "", "", "no", "no",
                              "SUBJECT_INACTIVE", "", "", "", "", "")));
}

TEST(AccessReportTest, AsksAServerAndNoDirectory) {
  const char* argv[] = {"pdpctl",   "audit",       "report",
                        "access",   "--project",   "p",
                        "--target", "localhost:1", "--csv"};
  std::ostringstream out;
  std::ostringstream err;
  const auto parsed =
      ParseCommandLine(static_cast<int>(std::size(argv)), argv, out, err);
  ASSERT_TRUE(std::holds_alternative<CommandLine>(parsed)) << err.str();
  const auto* const command =
      std::get_if<AccessReportCommand>(&std::get<CommandLine>(parsed).command);
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->project, "p");
  EXPECT_EQ(command->connection.target, "localhost:1");
  EXPECT_TRUE(command->csv);
}

}  // namespace
}  // namespace pdp::ctl

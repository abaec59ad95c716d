#include "clients/pdpctl/setup_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"

namespace pdp::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

SetupCommand Command() {
  SetupCommand command;
  command.base_url = "https://a.example/";
  command.project = "p";
  return command;
}

TEST(SetupPlanTest, ThePolicyGrantsAnAdminAllThatIsRequired) {
  medplum::LoginFacts facts;
  facts.login = {.project = "p",
                 .membership = "ProjectMembership/m",
                 .profile = "ClientApplication/c",
                 .project_admin = true,
                 .access_policy = PolicyResource(Command(), "")};
  facts.project_features = {std::string(medplum::kWebSocketFeature)};
  facts.membership_is_readable = true;
  facts.policies = {PolicyResource(Command(), "")};
  EXPECT_THAT(medplum::FindMissingAccess(facts, RequiredOf(Command())),
              IsEmpty());
}

TEST(SetupPlanTest, ThePolicyWritesNothingButSubscriptions) {
  const auto policy = *fhir::Resource::Parse(PolicyResource(Command(), ""));
  fhir::ForEachItem(policy->root(), "resource", [](fhir::JsonElement entry) {
    if (fhir::StringMember(entry, "resourceType") == "Subscription") return;
    fhir::ForEachItem(entry, "interaction", [](fhir::JsonElement interaction) {
      EXPECT_THAT(std::string(*fhir::AsString(interaction)),
                  testing::AnyOf("read", "vread", "search", "history"));
    });
    EXPECT_TRUE(fhir::Member(entry, "interaction"));
  });
}

TEST(SetupPlanTest, AuditEventsAreCreatedWhereTheyAreAskedFor) {
  SetupCommand command = Command();
  command.audit_events = true;
  EXPECT_THAT(ConfigLines(command, "c", "/secret"),
              HasSubstr("\naudit:\n  medplum:\n    enabled: true\n"));
  medplum::LoginFacts facts;
  facts.login = {.project = "p",
                 .membership = "ProjectMembership/m",
                 .profile = "ClientApplication/c",
                 .project_admin = true,
                 .access_policy = PolicyResource(command, "")};
  facts.project_features = {std::string(medplum::kWebSocketFeature)};
  facts.membership_is_readable = true;
  facts.policies = {PolicyResource(command, "")};
  EXPECT_THAT(medplum::FindMissingAccess(facts, RequiredOf(command)),
              IsEmpty());
  facts.login.access_policy = PolicyResource(Command(), "");
  const auto missing = medplum::FindMissingAccess(facts, RequiredOf(command));
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0].use, medplum::MissingAccess::Use::kAudit);
  EXPECT_THAT(missing[0].what,
              HasSubstr(R"({"resourceType":"AuditEvent","interaction":)"
                        R"(["create","search"]})"));
}

TEST(SetupPlanTest, ThePolicyIsOfTheProjectThatIsNamed) {
  SetupCommand command = Command();
  command.client_name = "a \"b\"";
  const auto policy = *fhir::Resource::Parse(PolicyResource(command, "p"));
  EXPECT_EQ(policy->project(), "p");
  EXPECT_EQ(fhir::StringMember(policy->root(), "name"), "a \"b\"");
}

TEST(SetupPlanTest, SaysWhatToMakeAndHowToConfigureIt) {
  std::ostringstream out;
  PrintPlan(Command(), out);
  for (const char* text :
       {R"({"resourceType":"ProjectMembership",)", "admin: true",
        "websocket-subscriptions", "base-url: https://a.example/",
        "- project: p", "--verify"}) {
    EXPECT_THAT(out.str(), HasSubstr(text));
  }
}

TEST(SetupPlanTest, RestHooksAreConfiguredAndNeedNoFeature) {
  SetupCommand command = Command();
  command.rest_hook = true;
  command.ca_file = "/ca.pem";
  std::ostringstream out;
  PrintPlan(command, out);
  EXPECT_THAT(out.str(), Not(HasSubstr("websocket-subscriptions")));
  const std::string lines = ConfigLines(command, "c", "/secret");
  EXPECT_THAT(lines, HasSubstr("  ca-file: /ca.pem\n"));
  EXPECT_THAT(lines, HasSubstr("  notifications: rest_hook\n  rest-hook:\n"));
}

}  // namespace
}  // namespace pdp::ctl

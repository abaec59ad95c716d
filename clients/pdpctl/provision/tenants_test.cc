#include "clients/pdpctl/provision/tenants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "pdp/base/strings.h"

namespace pdp::provision {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kNorth[] = "Organization/11111111-1111-4111-8111-111111111111";
constexpr char kSouth[] = "Organization/22222222-2222-4222-8222-222222222222";
constexpr char kLedger[] = "Organization/33333333-3333-4333-8333-333333333333";

// `more`: members, each after a comma.
fhir::ResourcePtr Make(const std::string& key,
                       const std::vector<std::string>& accounts,
                       const std::string& more = "") {
  std::string list;
  for (const std::string& account : accounts) {
    list +=
        StrCat(list.empty() ? "" : ",", R"({"reference":")", account, "\"}");
  }
  const size_t slash = key.find('/');
  auto made = fhir::Resource::Parse(
      StrCat(R"({"resourceType":")", key.substr(0, slash), R"(","id":")",
             key.substr(slash + 1), R"(","meta":{"versionId":"1","accounts":[)",
             list, "]}", more, "}"));
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

std::string About(const std::string& patient) {
  return StrCat(R"(,"subject":{"reference":")", patient, R"("})");
}

std::string ManagedBy(const std::string& organization) {
  return StrCat(R"(,"managingOrganization":{"reference":")", organization,
                R"("})");
}

std::vector<TenantFinding> Survey(
    const std::vector<fhir::ResourcePtr>& resources) {
  TenantSurvey survey({kNorth, kSouth});
  std::vector<TenantFinding> findings;
  for (const fhir::ResourcePtr& resource : resources) {
    TenantFinding finding;
    const auto found = survey.Look(resource, finding);
    EXPECT_TRUE(found.ok()) << found.status();
    if (found.ok() && *found) findings.push_back(finding);
  }
  return findings;
}

std::vector<std::string> Print(const std::vector<TenantFinding>& findings) {
  std::vector<std::string> lines;
  for (const TenantFinding& finding : findings) {
    lines.push_back(StrCat(KindName(finding.kind), " ",
                           finding.resource->key().ToString(), " ",
                           absl::StrJoin(finding.belongs_to, ",")));
  }
  return lines;
}

TEST(TenantsTest, WhatIsOfOneOrganizationAndItsPatientsIsWell) {
  EXPECT_THAT(Survey({Make("Patient/1", {kNorth}),
                      Make("Observation/1", {kNorth}, About("Patient/1")),
                      Make("PlanDefinition/1", {kSouth, kLedger})}),
              IsEmpty());
}

TEST(TenantsTest, FindsWhatIsOfNoneOfSeveralAndOfAnother) {
  EXPECT_THAT(
      Print(Survey({Make("Patient/1", {kNorth}), Make("Patient/2", {kLedger}),
                    Make("Patient/3", {}, ManagedBy(kSouth)),
                    Make("Patient/4", {}, ManagedBy(kLedger)),
                    Make("Patient/5", {kNorth, kSouth}),
                    Make("Observation/1", {}, About("Patient/1")),
                    Make("Observation/2", {kSouth}, About("Patient/1")),
                    Make("Observation/3", {}, About("Patient/3")),
                    Make("Observation/5", {kNorth, kSouth}, About("Patient/5")),
                    Make("Observation/9", {}, About("Patient/9")),
                    Make("PlanDefinition/1", {})})),
      ElementsAre("none Patient/2 ", StrCat("none Patient/3 ", kSouth),
                  "none Patient/4 ", "several Patient/5 ",
                  StrCat("none Observation/1 ", kNorth),
                  StrCat("other Observation/2 ", kNorth),
                  StrCat("none Observation/3 ", kSouth),
                  "several Observation/5 ", "none Observation/9 ",
                  "none PlanDefinition/1 "));
}

TEST(TenantsTest, AssignsWhatCanBeToldAndKeepsOtherAccounts) {
  const Observed observed("s");
  const auto findings =
      Survey({Make("Patient/1", {kNorth}), Make("Patient/2", {}),
              Make("Patient/3", {kLedger}, ManagedBy(kSouth)),
              Make("Observation/1", {kSouth, kLedger}, About("Patient/1"))});
  const auto steps = PlanAssignment(findings, {kNorth, kSouth}, "", observed);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].action, Action::kUnmanaged);
  EXPECT_EQ(steps[0].reference, "Patient/2");
  EXPECT_EQ(steps[1].reference, "Observation/1");
  EXPECT_THAT(steps[1].accounts, ElementsAre(kNorth, kLedger));
  EXPECT_FALSE(steps[1].propagate);
  EXPECT_TRUE(steps[1].widens);
  EXPECT_THAT(steps[1].changes,
              ElementsAre(StrCat("- ", kSouth), StrCat("+ ", kNorth)));
  EXPECT_EQ(steps[2].reference, "Patient/3");
  EXPECT_THAT(steps[2].accounts, ElementsAre(kSouth, kLedger));
  EXPECT_TRUE(steps[2].propagate);
}

TEST(TenantsTest, WhatIsNamedGoesToThoseOfNoneAlone) {
  const Observed observed("s");
  const auto findings =
      Survey({Make("Patient/2", {}), Make("Patient/5", {kNorth, kSouth})});
  const auto steps =
      PlanAssignment(findings, {kNorth, kSouth}, kNorth, observed);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].action, Action::kUnmanaged);
  EXPECT_EQ(steps[0].reference, "Patient/5");
  EXPECT_THAT(steps[1].accounts, ElementsAre(kNorth));
}

}  // namespace
}  // namespace pdp::provision

#include "clients/pdpctl/provision/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "clients/pdpctl/provision/lint_file.h"
#include "clients/pdpctl/provision/tenant_exit.h"
#include "clients/pdpctl/provision/write_json.h"
#include "pdp/base/strings.h"

namespace pdp::provision {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kSystem[] = "urn:medplum-pdp:provision";

constexpr char kFile[] = R"(tenancy: organization_in_project
environments:
  dev: {base-url: "https://a.example/", project: p, client-id: c,
        client-secret-file: secret}
organizations:
  - name: north
  - name: south
roles:
  - name: nurse
    policy:
      resource:
        - {resourceType: Patient, criteria: "Patient?_compartment=%organization"}
people:
  - {name: alice, type: Practitioner, given: A, family: B, email: a@b.example,
     access: [{role: nurse, organization: north}]}
  - {name: bob, type: Practitioner, given: A, family: B, email: b@b.example,
     access: [{role: nurse, organization: north},
              {role: nurse, organization: south}]}
)";

ProvisionFile FileOf(const std::string& text) {
  auto file = ParseProvisionFile(text, "f.yaml");
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

DesiredProject DesiredOf(const std::string& text) {
  const ProvisionFile file = FileOf(text);
  return provision::DesiredOf(file, file.environments[0]).front();
}

fhir::ResourcePtr Parse(const std::string& json) {
  auto resource = fhir::Resource::Parse(json);
  EXPECT_TRUE(resource.ok()) << resource.status() << json;
  return *std::move(resource);
}

std::string Meta(const std::string& tag) {
  return StrCat(R"("meta":{"versionId":"v1","project":"p","tag":[{"system":")",
                kSystem, R"(","code":")", tag, R"("}]})");
}

std::string ItemOf(const std::string& organization) {
  return StrCat(R"({"policy":{"reference":"AccessPolicy/1"},"parameter":[)",
                R"({"name":"organization","valueReference":{"reference":)",
                R"("Organization/)", organization, R"("}}]})");
}

// `more`: further members, each followed by a comma.
std::string MemberOf(const std::string& id, const std::string& name,
                     const std::string& access, const std::string& more = "") {
  const std::string identifier =
      name.empty() ? ""
                   : StrCat(R"("identifier":[{"system":")", kSystem,
                            R"(","value":"member/)", name, R"("}],)");
  return StrCat(R"({"resourceType":"ProjectMembership","id":")", id,
                R"(","meta":{"versionId":"v1","project":"p"},)",
                R"("project":{"reference":"Project/p"},)",
                R"("user":{"reference":"User/)", id, R"("},)",
                R"("profile":{"reference":"Practitioner/)", id, R"("},)",
                identifier, more, R"("access":[)", access, "]}");
}

// All that kFile wants, as a server has it.
Observed Complete() {
  Observed observed(kSystem);
  observed.Add(Parse(
      StrCat(R"({"resourceType":"AccessPolicy","id":"1",)", Meta("role/nurse"),
             R"(,"name":"nurse","resource":[{"resourceType":"Patient",)",
             R"("criteria":"Patient?_compartment=%organization"}]})")));
  for (const std::string name : {"north", "south"}) {
    observed.AddAs(StrCat("organization/", name),
                   Parse(StrCat(R"({"resourceType":"Organization","id":")",
                                name, R"(","meta":{"versionId":"v1"},"name":")",
                                name, R"(","identifier":[{"system":")", kSystem,
                                R"(","value":")", name, R"("}]})")));
  }
  observed.Add(Parse(MemberOf("a", "alice", ItemOf("north"))));
  observed.Add(
      Parse(MemberOf("b", "bob", ItemOf("north") + "," + ItemOf("south"))));
  return observed;
}

std::vector<std::string> Print(const std::vector<Step>& plan) {
  std::vector<std::string> lines;
  for (const Step& step : plan) {
    if (step.action == Action::kUnchanged) continue;
    lines.push_back(StrCat(ActionName(step.action), " ", TargetOf(step),
                           step.widens ? " widens" : ""));
  }
  return lines;
}

std::vector<std::string> PlanOf(const std::string& text,
                                const Observed& observed,
                                const PlanOptions& options = {}) {
  return Print(MakePlan(DesiredOf(text), observed, options));
}

std::string Edited(const std::string& old_text, const std::string& new_text) {
  std::string text = absl::StrReplaceAll(kFile, {{old_text, new_text}});
  EXPECT_NE(text, kFile);
  return text;
}

TEST(PlanTest, AnEmptyServerGetsEverythingInOrder) {
  EXPECT_THAT(
      PlanOf(kFile, Observed(kSystem)),
      ElementsAre("create AccessPolicy nurse", "create Organization north",
                  "create Organization south", "create invite alice widens",
                  "create invite bob widens"));
}

TEST(PlanTest, AServerThatHasItAllGetsNothing) {
  EXPECT_THAT(PlanOf(kFile, Complete()), IsEmpty());
}

TEST(PlanTest, ChangesOfTheFile) {
  struct Case {
    std::string name;
    std::string old_text;
    std::string new_text;
    std::vector<std::string> plan;
  };
  const Case cases[] = {
      {"a policy grants more",
       "resource:\n",
       "resource:\n        - {resourceType: Device}\n",
       {"update AccessPolicy nurse widens"}},
      {"a title",
       "- name: north",
       "- name: north\n    title: The North",
       {"update Organization north"}},
      {"an admin",
       "name: bob,",
       "name: bob, admin: true,",
       {"update ProjectMembership bob widens"}},
      {"somebody is away",
       "name: bob,",
       "name: bob, active: false,",
       {"update ProjectMembership bob"}},
      {"an organization less",
       "{role: nurse, organization: north},\n              ",
       "",
       {"update ProjectMembership bob"}},
      {"suspended",
       "- name: north",
       "- name: north\n    state: suspended",
       {"update ProjectMembership alice", "update ProjectMembership bob"}},
      {"offboarded",
       "- name: north",
       "- name: north\n    state: offboarded",
       {"update Organization north", "delete ProjectMembership alice",
        "update ProjectMembership bob"}},
      {"one membership for each",
       "name: bob,",
       "name: bob, memberships: per_organization,",
       {"create invite bob@north widens", "create invite bob@south widens",
        "unmanaged ProjectMembership bob"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(PlanOf(Edited(c.old_text, c.new_text), Complete()), c.plan);
  }
}

TEST(PlanTest, WhatSomebodyElseMadeIsAConflict) {
  Observed policy(kSystem);
  policy.Add(Parse(R"({"resourceType":"AccessPolicy","id":"9",)"
                   R"("meta":{"versionId":"1"},"name":"nurse"})"));
  EXPECT_THAT(PlanOf(kFile, policy), Contains("conflict AccessPolicy nurse"));
  EXPECT_THAT(
      PlanOf(Edited("  - name: nurse\n", "  - name: nurse\n    adopt: true\n"),
             policy),
      Contains("update AccessPolicy nurse widens"));

  Observed member(kSystem);
  member.Add(Parse(absl::StrReplaceAll(
      MemberOf("x", "", ItemOf("north")),
      {{R"("User/x")", R"("User/x","display":"a@b.example")"}})));
  EXPECT_THAT(PlanOf(kFile, member),
              Contains("conflict ProjectMembership alice"));
}

TEST(PlanTest, WhatItDidNotMakeIsNotDeletedWhenItsOrganizationGoes) {
  Observed observed(kSystem);
  observed.Add(Parse(absl::StrReplaceAll(
      MemberOf("x", "", ItemOf("north")),
      {{R"("User/x")", R"("User/x","display":"a@b.example")"}})));
  const std::string text = absl::StrReplaceAll(
      kFile, {{"- name: north", "- name: north\n    state: offboarded"},
              {"{name: alice,", "{name: alice, adopt: true,"}});
  EXPECT_THAT(PlanOf(text, observed),
              Contains("unmanaged ProjectMembership alice"));
}

TEST(PlanTest, SeveralOfOneNameAreAConflict) {
  Observed observed = Complete();
  observed.Add(Parse(MemberOf("c", "alice", ItemOf("north"))));
  EXPECT_THAT(PlanOf(kFile, observed),
              ElementsAre("conflict ProjectMembership alice"));
}

TEST(PlanTest, AccessThatIsNotInTheFileGoesWithPruneAlone) {
  Observed observed = Complete();
  Observed more(kSystem);
  for (const std::string key : {"role/nurse", "organization/north",
                                "organization/south", "member/bob"}) {
    more.AddAs(key, observed.Find(key).front());
  }
  more.Add(Parse(MemberOf(
      "a", "alice",
      ItemOf("north") + R"(,{"policy":{"reference":"AccessPolicy/9"}})")));
  EXPECT_THAT(PlanOf(kFile, more),
              ElementsAre("unmanaged ProjectMembership alice"));
  // What it may have hidden is not known.
  EXPECT_THAT(PlanOf(kFile, more, {.prune = true}),
              ElementsAre("update ProjectMembership alice widens"));
}

TEST(PlanTest, WhoIsNotInTheFileIsDeletedWithPruneAlone) {
  Observed observed = Complete();
  observed.Add(Parse(MemberOf("c", "carl", ItemOf("north"))));
  EXPECT_THAT(PlanOf(kFile, observed),
              ElementsAre("unmanaged ProjectMembership carl"));
  EXPECT_THAT(PlanOf(kFile, observed, {.prune = true}),
              ElementsAre("delete ProjectMembership carl"));
  EXPECT_THAT(PlanOf(kFile, observed, {.is_partial = true}), IsEmpty());
}

TEST(PlanTest, OneOrganizationIsPlannedWithWhatItsMembersNeed) {
  const DesiredProject only = Only(DesiredOf(kFile), "south");
  EXPECT_THAT(
      Print(MakePlan(only, Observed(kSystem), {.is_partial = true})),
      ElementsAre("create AccessPolicy nurse", "create Organization north",
                  "create Organization south", "create invite bob widens"));
}

// Suspending and offboarding.

std::string WrittenBy(const Step& step, const Observed& observed) {
  const auto json = MembershipJson(step, observed, "p");
  EXPECT_TRUE(json.ok()) << json.status();
  return json.ok() ? *json : "";
}

TEST(TenantExitTest, TakesAwayOneOrganizationAndNoMore) {
  const Observed observed = Complete();
  const auto plan = PlanExit(observed, {.tenant = "@organization/north"});
  EXPECT_THAT(Print(plan), ElementsAre("update ProjectMembership alice",
                                       "update ProjectMembership bob"));
  const std::string alice = WrittenBy(plan[0], observed);
  EXPECT_THAT(alice, HasSubstr(R"("active":false)"));
  EXPECT_THAT(alice, HasSubstr("Organization/north"));
  const std::string bob = WrittenBy(plan[1], observed);
  EXPECT_THAT(bob, Not(HasSubstr("Organization/north")));
  EXPECT_THAT(bob, HasSubstr("Organization/south"));
  EXPECT_THAT(bob, Not(HasSubstr("active")));
}

TEST(TenantExitTest, OffboardingDeletesWhatItMade) {
  Observed observed = Complete();
  observed.Add(Parse(MemberOf("z", "", ItemOf("north"))));
  EXPECT_THAT(Print(PlanExit(observed, {.offboard = true,
                                        .tenant = "@organization/north"})),
              ElementsAre("unmanaged ProjectMembership/z",
                          "delete ProjectMembership alice",
                          "update ProjectMembership bob"));
  EXPECT_THAT(Print(PlanExit(observed, {.offboard = true,
                                        .tenant = "@organization/north",
                                        .all_members = true})),
              ElementsAre("update ProjectMembership/z",
                          "delete ProjectMembership alice",
                          "update ProjectMembership bob"));
}

TEST(TenantExitTest, NobodyIsLeftWithoutAccess) {
  // At Medplum that is full access.
  const Observed observed = Complete();
  for (const bool offboard : {false, true}) {
    for (const std::string tenant : {"@organization/north", ""}) {
      for (const Step& step :
           PlanExit(observed, {.offboard = offboard, .tenant = tenant})) {
        if (step.action != Action::kUpdate) continue;
        EXPECT_FALSE(step.member.content.access.empty());
      }
    }
  }
  Step step{.kind = "ProjectMembership", .key = "member/x"};
  EXPECT_FALSE(MembershipJson(step, observed, "p").ok());
  EXPECT_FALSE(InviteJson(step, observed, false).ok());
}

TEST(TenantExitTest, WholeProjectsAreLeftByTheirMembersAlone) {
  Observed observed = Complete();
  observed.Add(Parse(MemberOf("own", "", ItemOf("north"))));
  observed.Add(
      Parse(MemberOf("boss", "", ItemOf("north"), R"("admin":true,)")));
  const ExitOptions options{.own_membership = "ProjectMembership/own"};
  EXPECT_THAT(Print(PlanExit(observed, options)),
              ElementsAre("update ProjectMembership alice",
                          "update ProjectMembership bob"));
}

// Lint.

TEST(LintFileTest, SaysWhichRoleAndWhere) {
  const ProvisionFile file =
      FileOf(Edited("Patient?_compartment", "Patiend?_compartment"));
  const auto findings =
      LintFile(file, provision::DesiredOf(file, file.environments[0]));
  ASSERT_TRUE(findings.ok()) << findings.status();
  EXPECT_THAT(findings->errors,
              Contains(HasSubstr("f.yaml:9:5: role `nurse`: ")));
}

TEST(LintFileTest, FindsUnboundParametersAndUnknownTypes) {
  for (const auto& [text, rule] :
       {std::pair(Edited("resource:\n",
                         "resource:\n        - {resourceType: Device, "
                         "criteria: \"Device?location=%ward\"}\n"),
                  "[parameter-unbound]"),
        std::pair(Edited("resource:\n",
                         "resource:\n        - {resourceType: Devise}\n"),
                  "[type-unknown]")}) {
    SCOPED_TRACE(rule);
    const ProvisionFile file = FileOf(text);
    const auto findings =
        LintFile(file, provision::DesiredOf(file, file.environments[0]));
    ASSERT_TRUE(findings.ok()) << findings.status();
    EXPECT_THAT(findings->errors, Contains(HasSubstr(rule)));
  }
}

TEST(LintFileTest, TheSoundFileHasNoErrors) {
  const ProvisionFile file = FileOf(kFile);
  const auto findings =
      LintFile(file, provision::DesiredOf(file, file.environments[0]));
  ASSERT_TRUE(findings.ok()) << findings.status();
  EXPECT_THAT(findings->errors, IsEmpty());
}

}  // namespace
}  // namespace pdp::provision

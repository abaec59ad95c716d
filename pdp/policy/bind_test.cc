#include "pdp/policy/bind.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using testing::Expand;
using testing::Json;

std::shared_ptr<const CompiledPolicy> Policy(std::string_view entries,
                                             std::string_view more = "") {
  auto compiled = CompilePolicy(
      *Json(StrCat("{'resourceType':'AccessPolicy','id':'p','name':'P','meta':"
                   "{'project':'$PROJECT','versionId':'v1'},'resource':",
                   entries, more, "}")));
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() ? *compiled : nullptr;
}

BindInput Input(std::vector<PolicyUse> uses) {
  BindInput input;
  input.uses = std::move(uses);
  input.profile = "Practitioner/1";
  input.project_id = testing::kProject;
  input.mode = Mode::kParity;
  input.parameter_semantics = ParameterSemantics::kServer;
  return input;
}

Parameter Org(std::string_view id) {
  return {"org", StrCat("Organization/", id), /*is_reference=*/true};
}

constexpr const char* kDefaults =
    "built-in default-type\n"
    "  type SearchParameter\n"
    "  interaction read vread history search\n";

// The program up to the built-in entries.
std::string Program(const BindResult& result) {
  if (result.denial) {
    return StrCat(ReasonName(result.denial->reason), ": ",
                  result.denial->message);
  }
  const std::string text = result.policy->Print();
  const size_t end = text.find(kDefaults);
  const size_t line = text.rfind('\n', end == 0 ? 0 : end - 1);
  return end == std::string::npos ? text : text.substr(0, line + 1);
}

TEST(BindTest, EmitsTheTestsOfEveryEntry) {
  const auto policy = Policy(
      "[{'resourceType':'Task','readonly':true,'criteria':"
      "'Task?status:not=draft&_compartment=%org'},"
      "{'resourceType':'Patient','interaction':['update','read'],"
      "'hiddenFields':['name.family'],'readonlyFields':['birthDate'],"
      "'writeConstraint':[{'expression':'active = true'}]}]");
  EXPECT_EQ(Program(Bind(Input({{policy, {Org("7")}, 1, false}}))),
            "0 AccessPolicy/p.resource[0]\n"
            "  type Task\n"
            "  interaction read vread history search\n"
            "  token status not draft\n"
            "  reference _compartment eq Organization/7\n"
            "1 AccessPolicy/p.resource[1]\n"
            "  type Patient\n"
            "  interaction read update\n"
            "  constraint active = true\n"
            "  hide name.family\n"
            "  readonly birthDate\n");
}

TEST(BindTest, EntriesWithoutParametersAreSharedBetweenMembers) {
  const auto policy = Policy(
      "[{'resourceType':'Task'},{'resourceType':'Patient','criteria':"
      "'Patient?_compartment=%org'}]");
  const auto a = Bind(Input({{policy, {Org("1")}, 1, false}}));
  const auto b = Bind(Input({{policy, {Org("2")}, 1, false}}));
  EXPECT_EQ(a.policy->entries()[0].compiled, b.policy->entries()[0].compiled);
  EXPECT_NE(a.policy->entries()[1].compiled, b.policy->entries()[1].compiled);
  EXPECT_EQ(b.policy->entries()[1].compiled->source.criteria,
            "Patient?_compartment=Organization/2");
}

TEST(BindTest, TheLastCompartmentWins) {
  const auto policy = Policy("[]", ",'compartment':{'reference':'%org'}");
  const auto result = Bind(
      Input({{policy, {Org("1")}, 1, false}, {policy, {Org("2")}, 2, false}}));
  EXPECT_EQ(result.policy->compartment(), "Organization/2");
}

TEST(BindTest, ValuesThatEndAStringRewriteTheWholePolicy) {
  const auto policy =
      Policy("[{'resourceType':'Patient','criteria':'Patient?name=%n'}]");
  const auto result = Bind(
      Input({{policy,
              {{"n", "x\"},{\"resourceType\":\"Task", /*is_reference=*/false}},
              1,
              false}}));
  EXPECT_EQ(Program(result),
            "0 AccessPolicy/p.resource[0]\n"
            "  type Patient\n"
            "  interaction read vread update delete history create search\n"
            "  string name eq x\n"
            "1 AccessPolicy/p.resource[1]\n"
            "  type Task\n"
            "  interaction read vread update delete history create search\n");
}

TEST(BindTest, ValuesThatBreakTheJsonDenyEverything) {
  const auto policy =
      Policy("[{'resourceType':'Patient','criteria':'Patient?name=%n'}]");
  const auto result =
      Bind(Input({{policy, {{"n", "\"", /*is_reference=*/false}}, 1, false}}));
  ASSERT_TRUE(result.denial);
  EXPECT_EQ(result.denial->reason, Reason::kPolicyInvalid);
  EXPECT_EQ(result.denial->medplum_http_status, 400);
}

TEST(BindTest, AdminsGetFixedEntriesForAdminTypes) {
  const auto policy = Policy(
      "[{'resourceType':'Project'},{'resourceType':'User'},"
      "{'resourceType':'Task'}]");
  const auto types = [](const BindResult& result) {
    std::string out;
    for (const BoundEntry& entry : result.policy->entries()) {
      out += entry.compiled->source.resource_type + " ";
    }
    return out;
  };
  BindInput input = Input({{policy, {}, 0, false}});
  EXPECT_EQ(types(Bind(input)), "Task SearchParameter StructureDefinition ");
  input.admin = true;
  EXPECT_EQ(types(Bind(input)),
            "Task SearchParameter StructureDefinition Project Project "
            "ProjectMembership UserSecurityRequest User Package PackageRelease "
            "PackageInstallation ");
  input.super_admin = true;
  EXPECT_EQ(types(Bind(input)),
            "Project User Task SearchParameter StructureDefinition Package "
            "PackageRelease PackageInstallation ProjectMembership "
            "UserSecurityRequest ");
}

TEST(BindTest, AnEntryByNameReplacesADefaultType) {
  const auto policy = Policy(
      "[{'resourceType':'StructureDefinition','interaction':['search']}]");
  const auto result = Bind(Input({{policy, {}, 0, false}}));
  EXPECT_EQ(result.policy->entries().size(), 2u);
}

TEST(BindTest, ShowsTheEffectivePolicyAsMedplumDoes) {
  const auto policy = Policy(
      "[{'resourceType':'Task','readonly':true,'criteria':'Task?owner=%profile'"
      "}]");
  EXPECT_EQ(
      Bind(Input({{policy, {}, 0, false}})).policy->ToJson(),
      Expand("{'resourceType':'AccessPolicy','basedOn':[{'reference':"
             "'AccessPolicy/p'}],'resource':[{'resourceType':'Task','criteria':"
             "'Task?owner=Practitioner/1','readonly':true,'interaction':"
             "['search','read','history','vread']},{'resourceType':"
             "'SearchParameter','readonly':true},{'resourceType':"
             "'StructureDefinition','readonly':true}]}"));
}

TEST(BindTest, AParameterMayNameAnInteraction) {
  const auto policy =
      Policy("[{'resourceType':'Task','interaction':['%mode','search']}]");
  const auto bound = Bind(Input(
      {{policy, {{"mode", "update", /*is_reference=*/false}}, 1, false}}));
  EXPECT_EQ(bound.policy->entries()[0].compiled->interactions,
            fhir::Bit(fhir::Interaction::kUpdate) |
                fhir::Bit(fhir::Interaction::kSearch));
  const auto unbound = Bind(Input({{policy, {}, 1, false}}));
  EXPECT_EQ(unbound.policy->entries()[0].compiled->interactions,
            fhir::Bit(fhir::Interaction::kSearch));
}

TEST(BindTest, DefaultPoliciesFollowTheAdminFlag) {
  Project project;
  project.has_default_access_policies = true;
  project.default_practitioner_access_policy.reference = "AccessPolicy/pr";
  project.default_admin_access_policy.reference = "AccessPolicy/ad";
  const auto reconciled = [&](bool admin, const char* reference) {
    return ReconciledAccessPolicy(project, admin, {reference, ""}).reference;
  };
  EXPECT_EQ(reconciled(true, "AccessPolicy/pr"), "AccessPolicy/ad");
  EXPECT_EQ(reconciled(false, "AccessPolicy/ad"), "AccessPolicy/pr");
  EXPECT_EQ(reconciled(true, "AccessPolicy/own"), "AccessPolicy/own");
  EXPECT_EQ(reconciled(true, "AccessPolicy/ad"), "AccessPolicy/ad");
  EXPECT_EQ(reconciled(true, ""), "");
  project.default_admin_access_policy.reference.clear();
  EXPECT_EQ(reconciled(true, "AccessPolicy/pr"), "AccessPolicy/pr");
}

TEST(BindTest, TheEffectivePolicyIsBasedOnReferencesAsTheyAreHeld) {
  const auto policy = Policy("[{'resourceType':'Task'}]");
  PolicyUse plain{policy, {}, 0, false};
  PolicyUse named{policy, {}, 1, false};
  named.based_on = Expand("{'reference':'AccessPolicy/p','display':'Nurse'}");
  const std::string json = Bind(Input({plain, named})).policy->ToJson();
  EXPECT_NE(json.find(Expand("'basedOn':[{'reference':'AccessPolicy/p'},"
                             "{'reference':'AccessPolicy/p','display':"
                             "'Nurse'}]")),
            std::string::npos)
      << json;
}

TEST(BindTest, PoliciesOfTheWrongShapeAreRefusedByPath) {
  const struct {
    const char* entries;
    const char* message;
  } kCases[] = {
      {"[{}]", "resource[0]: `resourceType` is missing"},
      {"[{'resourceType':'Task','criteria':7}]",
       "resource[0]: `criteria` has the wrong JSON type"},
      {"[{'resourceType':'Task'},{'resourceType':'Task','readonly':'true'}]",
       "resource[1]: `readonly` has the wrong JSON type"},
      {"[{'resourceType':'Task','interaction':'read'}]",
       "resource[0]: `interaction` has the wrong JSON type"},
      {"{}", "`resource` has the wrong JSON type"},
  };
  for (const auto& c : kCases) {
    const auto compiled = CompilePolicy(*Json(
        StrCat("{'resourceType':'AccessPolicy','resource':", c.entries, "}")));
    EXPECT_EQ(ToStd(compiled.status().message()), c.message);
  }
}

TEST(BindTest, StrictRefusesValuesThatWouldChangeAFilterOrAConstraint) {
  const auto policy = Policy(
      "[{'resourceType':'Task','criteria':'Task?owner=%owner&status=draft'},"
      "{'resourceType':'Observation','writeConstraint':[{'expression':"
      "'%after.status = \\u0027%status\\u0027'}]}]");
  const struct {
    const char* name;
    const char* value;
    bool refused;
  } kCases[] = {
      {"owner", "Practitioner/1", false},
      {"owner", "Practitioner/1?x", true},  // Ends the filters.
      {"owner", "Practitioner/O'Brien", false},
      {"status", "final", false},
      {"status", "' or true or '", true},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.value);
    BindInput input = Input(
        {{policy, {{c.name, c.value, /*is_reference=*/false}}, 1, false}});
    EXPECT_FALSE(Bind(input).denial.has_value());
    input.mode = Mode::kStrict;
    const BindResult strict = Bind(input);
    ASSERT_EQ(strict.denial.has_value(), c.refused);
    if (!c.refused) continue;
    EXPECT_EQ(strict.denial->reason, Reason::kPolicyInvalid);
    EXPECT_EQ(strict.denial->strict_rule, StrictRule::kParameterStructure);
  }
}

TEST(BindTest, ValuesThatRepeatEachOtherEndInALimit) {
  std::string many_a = "Patient?name=";
  std::string many_b;
  for (int i = 0; i < 1000; ++i) {
    many_a += "%a";
    many_b += "%b";
  }
  const auto policy =
      Policy(StrCat("[{'resourceType':'Patient','criteria':'", many_a, "'}]"));
  const std::string x(1000, 'x');
  const Parameter a{"a", many_b, false};
  EXPECT_TRUE(Program(Bind(Input({{policy, {a, {"b", x, false}}, 1, false}})))
                  .starts_with("LIMIT_EXCEEDED: AccessPolicy/p: "));
  // `$&` is what was replaced: the whole policy is rewritten.
  EXPECT_TRUE(
      Program(Bind(Input({{policy, {a, {"b", "$&" + x, false}}, 1, false}})))
          .starts_with("LIMIT_EXCEEDED: AccessPolicy/p: "));
}

}  // namespace
}  // namespace pdp::policy

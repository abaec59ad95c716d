// One case for each rule of lint that it finds, and one that it leaves alone.

#include "pdp/policy/lint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/memory_lookup.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using testing::Clinic;
using testing::Json;

// What of AccessPolicy.resource, behind its `[`, and of what follows it.
struct Text {
  const char* entries;
  const char* policy = "";
  const char* membership = "";
};

struct Case {
  LintRule rule;
  Text found;
  Text left_alone;
};

constexpr const char* kNoPolicy = ",'admin':false";
constexpr const char* kUnused =
    ",'access':[{'policy':{'reference':'AccessPolicy/other'}}]";

const Case kCases[] = {
    {LintRule::kCriteriaPrefix,
     {"{'resourceType':'Task','criteria':'Patient?active=true'}"},
     {"{'resourceType':'Patient','criteria':'Patient?active=true'}"}},
    {LintRule::kCriteriaEmpty,
     {"{'resourceType':'Task','criteria':'Task?_count=1'}"},
     {"{'resourceType':'Task','criteria':'Task?_count=1&status=draft'}"}},
    {LintRule::kCriteriaUnreadable,
     {"{'resourceType':'Patient','criteria':'Patient?birthdate=yesterday'}"},
     {"{'resourceType':'Patient','criteria':'Patient?birthdate=gt%profile'}"}},
    {LintRule::kCriteriaUnknownParameter,
     {"{'resourceType':'Practitioner','criteria':"
      "'Practitioner?organization=Organization/$NORTH'}"},
     {"{'resourceType':'PractitionerRole','criteria':"
      "'PractitionerRole?organization=Organization/$NORTH'}"}},
    {LintRule::kCriteriaReachesFurther,
     {"{'resourceType':'Task','criteria':'Task?patient.active=true'}"},
     {"{'resourceType':'Task','criteria':'Task?patient=Patient/$PATIENT'}"}},
    {LintRule::kCriteriaNumber,
     {"{'resourceType':'Observation','criteria':"
      "'Observation?value-quantity=gt7'}"},
     {"{'resourceType':'Observation','criteria':"
      "'Observation?value-quantity:missing=true'}"}},
    {LintRule::kCriteriaModifierIgnored,
     {"{'resourceType':'Task','criteria':'Task?code:not-in=http://x'}"},
     {"{'resourceType':'Task','criteria':'Task?code:not=x'}"}},
    {LintRule::kCriteriaModifierDropped,
     {"{'resourceType':'Task','criteria':'Task?subject:Patient=$PATIENT'}"},
     {"{'resourceType':'Task','criteria':'Task?subject=Patient/$PATIENT'}"}},
    {LintRule::kCriteriaPartialText,
     {"{'resourceType':'Patient','criteria':'Patient?name=Al'}"},
     {"{'resourceType':'Patient','criteria':'Patient?name:missing=true'}"}},
    {LintRule::kCriteriaNotOfAbsent,
     {"{'resourceType':'Patient','criteria':"
      "'Patient?organization:not=Organization/$NORTH'}"},
     {"{'resourceType':'Task','criteria':'Task?status:not=draft'}"}},
    {LintRule::kCriteriaDateAlways,
     {"{'resourceType':'Patient','criteria':'Patient?birthdate:not=2000-01-01'}"
      ""},
     {"{'resourceType':'Patient','criteria':'Patient?birthdate=ne2000-01-01'"
      "}"}},
    {LintRule::kCriteriaDatePart,
     {"{'resourceType':'Patient','criteria':'Patient?birthdate=gt2000-01'}"},
     {"{'resourceType':'Patient','criteria':'Patient?birthdate=gt2000-01-01'"
      "}"}},
    {LintRule::kCriteriaMissingValue,
     {"{'resourceType':'Task','criteria':'Task?owner:missing=yes'}"},
     {"{'resourceType':'Task','criteria':'Task?owner:missing=true'}"}},
    {LintRule::kCriteriaBareId,
     {"{'resourceType':'Observation','criteria':"
      "'Observation?subject=$PATIENT'}"},
     {"{'resourceType':'Observation','criteria':"
      "'Observation?subject=%profile&_compartment=$PATIENT'}"}},
    {LintRule::kCriteriaForeignReference,
     {"{'resourceType':'Task','criteria':"
      "'Task?owner=https://x.org/Patient/1'}"},
     {"{'resourceType':'Task','criteria':'Task?owner=Patient/$PATIENT'}"}},
    {LintRule::kCriteriaIdNoUuid,
     {"{'resourceType':'Task','criteria':'Task?_id=first'}"},
     {"{'resourceType':'Task','criteria':'Task?_id=$PATIENT,%profile.id'}"}},
    {LintRule::kCriteriaEmptyValue,
     {"{'resourceType':'Task','criteria':'Task?owner='}"},
     {"{'resourceType':'Task','criteria':'Task?owner=%profile'}"}},
    {LintRule::kCriteriaSecondQuestion,
     {"{'resourceType':'Task','criteria':'Task?status=draft?owner=%profile'}"},
     {"{'resourceType':'Task','criteria':'Task?status=draft&owner=%profile'}"}},
    {LintRule::kCriteriaControl,
     {"{'resourceType':'Task','criteria':'Task?status=draft&_sort=code'}"},
     {"{'resourceType':'Task','criteria':'Task?status=draft'}"}},
    {LintRule::kCriteriaWildcard,
     {"{'resourceType':'*','criteria':'*?_compartment=%profile'}"},
     {"{'resourceType':'Task','criteria':'Task?_compartment=%profile'}"}},
    {LintRule::kTypeUnknown,
     {"{'resourceType':'CodeSet'}"},
     {"{'resourceType':'CodeSystem'}"}},
    {LintRule::kTypeProtected,
     {"{'resourceType':'Login'}"},
     {"{'resourceType':'Bot'}"}},
    {LintRule::kTypeAdministrative,
     {"{'resourceType':'ProjectMembership'}"},
     {"{'resourceType':'Bot'}"}},
    {LintRule::kGrantEverything,
     {"{'resourceType':'*','readonly':true}"},
     {"{'resourceType':'*','criteria':'*?_compartment=%profile'}"}},
    {LintRule::kGrantWholeType,
     {"{'resourceType':'Observation'}"},
     {"{'resourceType':'ValueSet'}"}},
    {LintRule::kInteractionEmpty,
     {"{'resourceType':'Task','interaction':[]}"},
     {"{'resourceType':'Task','interaction':['read']}"}},
    {LintRule::kInteractionUnknown,
     {"{'resourceType':'Task','interaction':['read','write']}"},
     {"{'resourceType':'Task','interaction':['read','search']}"}},
    {LintRule::kReadonlyIgnored,
     {"{'resourceType':'Task','readonly':true,'interaction':['update','read']}"
      ""},
     {"{'resourceType':'Task','readonly':true}"}},
    {LintRule::kCompartmentDeprecated,
     {"{'resourceType':'Task','compartment':{'reference':'%profile'}}"},
     {"{'resourceType':'Task','criteria':'Task?_compartment=%profile'}"}},
    {LintRule::kCompartmentOverCriteria,
     {"{'resourceType':'Task','compartment':{'reference':'%profile'},"
      "'criteria':'Task?status=draft'}"},
     {"{'resourceType':'Task','compartment':{'reference':'%profile'}}"}},
    {LintRule::kWriteWithoutRead,
     {"{'resourceType':'Task','interaction':['update']}"},
     {"{'resourceType':'Task','interaction':['update']},"
      "{'resourceType':'*','readonly':true}"}},
    {LintRule::kEntryUnreachable,
     {"{'resourceType':'Task'},{'resourceType':'Task','criteria':"
      "'Task?status=draft'}"},
     {"{'resourceType':'Task','readonly':true},{'resourceType':'Task',"
      "'criteria':'Task?status=draft'}"}},
    {LintRule::kEntryHidesLess,
     {"{'resourceType':'Task','criteria':'Task?status=draft'},"
      "{'resourceType':'Task','criteria':'Task?owner=%profile',"
      "'hiddenFields':['note']}"},
     {"{'resourceType':'Task','criteria':'Task?owner=%profile',"
      "'hiddenFields':['note']},{'resourceType':'Task','criteria':"
      "'Task?status=draft'}"}},
    {LintRule::kEntryConstrainsLess,
     {"{'resourceType':'Task','criteria':'Task?status=draft'},"
      "{'resourceType':'Task','criteria':'Task?owner=%profile',"
      "'writeConstraint':[{'expression':'owner.exists()'}]}"},
     {"{'resourceType':'Task','criteria':'Task?status=draft','readonly':true},"
      "{'resourceType':'Task','criteria':'Task?owner=%profile',"
      "'writeConstraint':[{'expression':'owner.exists()'}]}"}},
    {LintRule::kFieldUnknown,
     {"{'resourceType':'Patient','hiddenFields':['adress']}"},
     {"{'resourceType':'Patient','hiddenFields':['address',"
      "'contact.telecom','deceased[x]','deceasedBoolean','meta.tag']}"}},
    {LintRule::kFieldErased,
     {"{'resourceType':'Patient','readonlyFields':['name.family']}"},
     {"{'resourceType':'Patient','readonly':true,'hiddenFields':"
      "['name.family']}"}},
    {LintRule::kFieldsBroken,
     {"{'resourceType':'Patient','hiddenFields':['name',null]}"},
     {"{'resourceType':'Patient','hiddenFields':['name']}"}},
    {LintRule::kConstraintUnreadable,
     {"{'resourceType':'Task','writeConstraint':[{'expression':'owner.('}]}"},
     {"{'resourceType':'Task','writeConstraint':[{'expression':"
      "'%before.exists() or owner.exists()'}]}"}},
    {LintRule::kConstraintUnused,
     {"{'resourceType':'Task','readonly':true,'writeConstraint':"
      "[{'expression':'true'}]}"},
     {"{'resourceType':'Task','interaction':['create'],'writeConstraint':"
      "[{'expression':'true'}]}"}},
    {LintRule::kPolicyUnreadable, {"7"}, {"{'resourceType':'Task'}"}},
    {LintRule::kPolicyEmpty, {""}, {"{'resourceType':'Task'}"}},
    {LintRule::kPolicyUnused,
     {"{'resourceType':'Task'}", "", kUnused},
     {"{'resourceType':'Task'}"}},
    {LintRule::kCreateAboutAnyone,
     {"{'resourceType':'Task','criteria':'Task?_compartment=%patient'}",
      ",'compartment':{'reference':'%patient'}"},
     {"{'resourceType':'Task','criteria':'Task?_compartment=%patient'}"}},
    {LintRule::kIpRuleUnmatchable,
     {"", ",'ipAccessRule':[{'value':'10.0.0.0/8','action':'allow'}]"},
     {"", ",'ipAccessRule':[{'value':'10.','action':'allow'}]"}},
    {LintRule::kIpRuleUnreachable,
     {"",
      ",'ipAccessRule':[{'value':'*','action':'block'},"
      "{'value':'10.','action':'allow'}]"},
     {"",
      ",'ipAccessRule':[{'value':'10.','action':'allow'},"
      "{'value':'*','action':'block'}]"}},
    {LintRule::kIpRuleBoundary,
     {"", ",'ipAccessRule':[{'value':'10.1.2.7','action':'allow'}]"},
     {"", ",'ipAccessRule':[{'value':'10.1.2.70','action':'allow'}]"}},
    {LintRule::kMembershipUnreadable,
     {"", "", ",'access':7"},
     {"", "", ",'access':[]"}},
    {LintRule::kMembershipWithoutPolicy,
     {"", "", kNoPolicy},
     {"", "", ",'admin':true"}},
    {LintRule::kMembershipPolicyMissing, {"", "", kUnused}, {""}},
    {LintRule::kMembershipPolicyForeign,
     {"", "", ",'accessPolicy':{'reference':'AccessPolicy/foreign'}"},
     {"", "", ",'accessPolicy':{'reference':'AccessPolicy/linked'}"}},
    {LintRule::kMembershipTenantAdmin,
     {"{'resourceType':'Task','criteria':'Task?_compartment=%organization'}",
      "",
      ",'admin':true,'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'organization','valueReference':{'reference':"
      "'Organization/$NORTH'}}]}]"},
     {"{'resourceType':'Task','criteria':'Task?_compartment=%organization'}",
      "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'organization','valueReference':{'reference':"
      "'Organization/$NORTH'}}]}]"}},
    {LintRule::kMembershipTwice,
     {"", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'}},{'policy':"
      "{'reference':'AccessPolicy/policy'}}]"},
     {"{'resourceType':'Task','criteria':'Task?code=%a'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},'parameter':"
      "[{'name':'a','valueString':'1'}]},{'policy':{'reference':"
      "'AccessPolicy/policy'},'parameter':[{'name':'a','valueString':'2'}]}]"}},
    {LintRule::kParameterUnbound,
     {"{'resourceType':'Task','criteria':'Task?owner=%organization'}"},
     {"{'resourceType':'Task','criteria':'Task?owner=%profile&code=a%20b'}"}},
    {LintRule::kParameterUnused,
     {"{'resourceType':'Task'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1'}]}]"},
     {"{'resourceType':'Task','criteria':'Task?code=%a'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1'}]}]"}},
    {LintRule::kParameterRepeated,
     {"{'resourceType':'Task','criteria':'Task?code=%a'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1'},{'name':'a','valueString':"
      "'2'}]}]"},
     {"{'resourceType':'Task','criteria':'Task?code=%a&status=%b'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1'},{'name':'b','valueString':"
      "'2'}]}]"}},
    {LintRule::kParameterPrefix,
     {"{'resourceType':'Task','criteria':'Task?code=%a&status=%ab'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1'},{'name':'ab','valueString':"
      "'2'}]}]"},
     {"{'resourceType':'Task','criteria':'Task?code=%a&status=%ab'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'ab','valueString':'2'},{'name':'a','valueString':"
      "'1'}]}]"}},
    {LintRule::kParameterStructure,
     {"{'resourceType':'Task','criteria':'Task?code=%a'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1&status=draft'}]}]"},
     {"{'resourceType':'Task','criteria':'Task?code=%a'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1'}]}]"}},
    {LintRule::kParameterEmpty,
     {"{'resourceType':'Task','criteria':'Task?code=%a'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a'}]}]"},
     {"{'resourceType':'Task','criteria':'Task?code=%a'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'a','valueString':'1'}]}]"}},
    {LintRule::kParameterReserved,
     {"{'resourceType':'Task','criteria':'Task?owner=%profile'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'profile','valueString':'1'}]}]"},
     {"{'resourceType':'Task','criteria':'Task?owner=%patient'}", "",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
      "'parameter':[{'name':'patient','valueString':'1'}]}]"}},
    {LintRule::kParameterPatient,
     {"{'resourceType':'Task','criteria':'Task?owner=%patient'}"},
     {"{'resourceType':'Task','criteria':'Task?owner=%profile'}"}},
};

std::vector<LintFinding> LintOf(const Text& text) {
  std::vector<fhir::ResourcePtr> live =
      Clinic(StrCat("[", text.entries, "]"), text.policy, text.membership);
  live.push_back(
      Json("{'resourceType':'AccessPolicy','id':'foreign','meta':{'project':"
           "'$OTHER_PROJECT'},'resource':[{'resourceType':'Task'}]}"));
  live.push_back(
      Json("{'resourceType':'AccessPolicy','id':'linked','meta':{'project':"
           "'$LINKED_PROJECT'},'resource':[{'resourceType':'Task'}]}"));
  const fhir::MemoryLookup lookup(std::move(live), {});
  auto findings = Lint(lookup, testing::kProject);
  EXPECT_TRUE(findings.ok()) << findings.status();
  return findings.ok() ? *findings : std::vector<LintFinding>();
}

bool Holds(const std::vector<LintFinding>& findings, LintRule rule) {
  return std::any_of(
      findings.begin(), findings.end(),
      [rule](const LintFinding& finding) { return finding.rule == rule; });
}

TEST(LintTest, EveryRuleFindsItsCaseAndLeavesTheOtherAlone) {
  std::set<LintRule> covered;
  for (const Case& c : kCases) {
    SCOPED_TRACE(InfoOf(c.rule).id);
    covered.insert(c.rule);
    std::string others;
    for (const LintFinding& finding : LintOf(c.found)) {
      others += StrCat(" ", InfoOf(finding.rule).id);
      EXPECT_FALSE(finding.message.empty());
    }
    EXPECT_TRUE(Holds(LintOf(c.found), c.rule)) << "found:" << others;
    EXPECT_FALSE(Holds(LintOf(c.left_alone), c.rule));
  }
  EXPECT_EQ(covered.size(), kLintRules) << "a rule has no case";
}

TEST(LintTest, AFindingSaysWhereAndWhatToWriteInstead) {
  const std::vector<LintFinding> findings =
      LintOf({"{'resourceType':'Task','criteria':'Task?status=draft'},"
              "{'resourceType':'Task','criteria':'Patient?active=true'}"});
  const auto found = std::find_if(
      findings.begin(), findings.end(), [](const LintFinding& finding) {
        return finding.rule == LintRule::kCriteriaPrefix;
      });
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(found->subject, "AccessPolicy/policy");
  EXPECT_EQ(found->path, "resource[1].criteria");
  EXPECT_EQ(found->message,
            "`Patient?active=true` should begin with `Task?`. Criteria have to "
            "begin with the entry's own type and `?`; otherwise Medplum's "
            "search ignores them, and all others of the type with them.");
}

TEST(LintTest, AFindingShowsNoValueInPlaceOfAParameter) {
  const std::vector<LintFinding> findings =
      LintOf({"{'resourceType':'Task','criteria':'Task?nonsense=%profile'}"});
  const auto found = std::find_if(
      findings.begin(), findings.end(), [](const LintFinding& finding) {
        return finding.rule == LintRule::kCriteriaUnknownParameter;
      });
  ASSERT_NE(found, findings.end());
  EXPECT_TRUE(found->message.starts_with("`nonsense`. ")) << found->message;
}

TEST(LintTest, IdsOfRulesAreDistinct) {
  std::set<std::string_view> ids;
  for (size_t i = 0; i < kLintRules; ++i) {
    const LintRuleInfo& info = InfoOf(static_cast<LintRule>(i));
    EXPECT_TRUE(ids.insert(info.id).second) << info.id;
    EXPECT_NE(info.severity, Severity::kUnspecified) << info.id;
    EXPECT_TRUE(info.about.ends_with('.')) << info.id;
  }
}

}  // namespace
}  // namespace pdp::policy

// Every strict rule: what Medplum answers, what strict mode answers, and the
// rule that it names.

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_point.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Json;

constexpr const char* kAll = "[{'resourceType':'*'}]";
constexpr const char* kObservationId = "50000000-0000-4000-8000-000000000001";
constexpr std::string_view kObservation =
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'preliminary','subject':{'reference':'Patient/$PATIENT'},"
    "'valueQuantity':{'value':7,'unit':'mg'},"
    "'meta':{'project':'$PROJECT','versionId':'o1','compartment':["
    "{'reference':'Project/$PROJECT'},{'reference':'Patient/$PATIENT'}]}}";
constexpr std::string_view kFinal =
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'final','subject':{'reference':'Patient/$PATIENT'}}";

struct Case {
  const char* name;
  StrictRule rule;
  const char* entries;  // AccessPolicy.resource.
  const char* policy_more = "";
  const char* membership_more = "";
  std::vector<const char*> more = {};  // Further resources.
  Interaction interaction = Interaction::kRead;
  std::function<void(AccessRequest&)> change = [](AccessRequest&) {};
  const char* parity = "PERMIT 200";
  const char* strict;
  bool is_deleted = false;
};

std::string Say(const Decision& decision) {
  std::string out = decision.permitted()
                        ? "PERMIT"
                        : StrCat("DENY ", ReasonName(decision.reason));
  out += StrCat(" ", decision.medplum_http_status);
  for (const std::string_view field : decision.hidden_fields) {
    out += StrCat(" -", field);
  }
  return out;
}

std::vector<StrictRule> RulesOf(const std::vector<Note>& notes) {
  std::vector<StrictRule> rules;
  for (const Note& note : notes) {
    if (note.code == NoteCode::kStrictRule) rules.push_back(note.strict_rule);
  }
  return rules;
}

// A scope for the login.
std::function<void(AccessRequest&)> Scope(const char* scope) {
  return
      [scope](AccessRequest& request) { request.context.smart_scope = scope; };
}

std::function<void(AccessRequest&)> Address(const char* address) {
  return [address](AccessRequest& request) {
    request.context.remote_address = address;
  };
}

std::function<void(AccessRequest&)> Propose(std::string_view proposed) {
  return [proposed](AccessRequest& request) {
    if (request.interaction == Interaction::kCreate) request.resource = {};
    request.resource.proposed = Json(proposed);
  };
}

void ActForTarget(AccessRequest& request) {
  request.context.on_behalf_of =
      "ProjectMembership/70000000-0000-4000-8000-000000000001";
}

std::vector<Case> Cases() {
  using enum StrictRule;
  constexpr const char* kState =
      "[{'resourceType':'Observation','criteria':"
      "'Observation?status=%state'}]";
  constexpr const char* kAdmin =
      ",'admin':true,'accessPolicy':{'reference':'AccessPolicy/policy'}";
  constexpr const char* kInactiveTarget =
      "{'resourceType':'ProjectMembership','id':"
      "'70000000-0000-4000-8000-000000000001','active':false,"
      "'meta':{'project':'$PROJECT'},'project':{'reference':'Project/$PROJECT'}"
      ",'user':{'reference':'User/u'},'profile':{'reference':"
      "'Practitioner/$PRACTITIONER'},'accessPolicy':{'reference':"
      "'AccessPolicy/policy'}}";
  constexpr const char* kTargetWithRules =
      "{'resourceType':'ProjectMembership','id':"
      "'70000000-0000-4000-8000-000000000001',"
      "'meta':{'project':'$PROJECT'},'project':{'reference':'Project/$PROJECT'}"
      ",'user':{'reference':'User/u'},'profile':{'reference':"
      "'Practitioner/$PRACTITIONER'},'accessPolicy':{'reference':"
      "'AccessPolicy/blocked'}}";
  constexpr const char* kBlocked =
      "{'resourceType':'AccessPolicy','id':'blocked','meta':{'project':"
      "'$PROJECT'},'resource':[{'resourceType':'*'}],'ipAccessRule':["
      "{'value':'*','action':'block'}]}";
  constexpr const char* kForeign =
      "{'resourceType':'AccessPolicy','id':'foreign','meta':{'project':"
      "'$OTHER_PROJECT'},'resource':[{'resourceType':'*'}]}";
  constexpr const char* kRules =
      ",'ipAccessRule':[{'value':'10.1.2.7','action':'allow'},{'value':'*',"
      "'action':'block'}]";
  constexpr const char* kReadOnly =
      "[{'resourceType':'Observation','interaction':['read','search']}]";
  constexpr const char* kFinalIsWritable =
      "[{'resourceType':'Observation','interaction':['read']},"
      "{'resourceType':'Observation','interaction':['update'],'criteria':"
      "'Observation?status=final'}]";
  return {
      {.name = "CriteriaOfAnotherType",
       .rule = kMalformedCriteria,
       .entries = "[{'resourceType':'Observation','criteria':"
                  "'Patient?active=true'}]",
       .strict = "DENY INTERACTION_NOT_GRANTED 200"},
      {.name = "CriteriaWithoutAQuestionMark",
       .rule = kMalformedCriteria,
       .entries = "[{'resourceType':'Observation','criteria':'Observation'}]",
       .strict = "DENY INTERACTION_NOT_GRANTED 200"},
      {.name = "CriteriaOfControlParametersAlone",
       .rule = kMalformedCriteria,
       .entries = "[{'resourceType':'Observation','criteria':"
                  "'Observation?_count=1'}]",
       .strict = "DENY INTERACTION_NOT_GRANTED 200"},
      {.name = "AScopeWithAQueryMakesAWildcardsCriteriaMalformed",
       .rule = kMalformedCriteria,
       .entries = kAll,
       .change = Scope("user/Observation.rs?status=final"),
       .strict = "DENY INTERACTION_NOT_GRANTED 200"},
      {.name = "AWildcardsFieldsAreHidden",
       .rule = kWildcardCriteriaFields,
       .entries = "[{'resourceType':'*','criteria':"
                  "'*?_compartment=Patient/$PATIENT','hiddenFields':"
                  "['subject']}]",
       .strict = "PERMIT 200 -subject"},
      {.name = "ACreateAboutAnotherPatient",
       .rule = kCreateNamesGrantedPatient,
       .entries = "[{'resourceType':'Observation','criteria':"
                  "'Observation?_compartment=Patient/$PATIENT'}]",
       .policy_more = ",'compartment':{'reference':'Patient/$PATIENT'}",
       .interaction = Interaction::kCreate,
       .change = Propose("{'resourceType':'Observation','subject':"
                         "{'reference':'Patient/$OTHER_PATIENT'}}"),
       .parity = "PERMIT 201",
       .strict = "DENY RESULT_NOT_GRANTED 201"},
      {.name = "HistoryOfADeletedResource",
       .rule = kDeletedNeedsGrant,
       .entries = kReadOnly,
       .interaction = Interaction::kHistory,
       .strict = "DENY RESOURCE_NOT_GRANTED 200",
       .is_deleted = true},
      {.name = "AVersionOfADeletedResource",
       .rule = kDeletedNeedsGrant,
       .entries = kReadOnly,
       .interaction = Interaction::kVread,
       .change = [](AccessRequest& r) { r.resource.version_id = "o1"; },
       .strict = "DENY RESOURCE_NOT_GRANTED 200",
       .is_deleted = true},
      {.name = "DeletingADeletedResource",
       .rule = kDeletedNeedsGrant,
       .entries = kReadOnly,
       .interaction = Interaction::kDelete,
       .strict = "DENY RESOURCE_NOT_GRANTED 200",
       .is_deleted = true},
      {.name = "BringingBackADeletedResource",
       .rule = kDeletedNeedsGrant,
       .entries = kFinalIsWritable,
       .interaction = Interaction::kUpdate,
       .change = Propose(kFinal),
       .strict = "DENY RESOURCE_NOT_GRANTED 200",
       .is_deleted = true},
      {.name = "AnotherFilterInAValue",
       .rule = kParameterStructure,
       .entries = kState,
       .membership_more =
           ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
           "'parameter':[{'name':'state','valueString':"
           "'preliminary&subject=Patient/$PATIENT'}]}]",
       .strict = "DENY POLICY_INVALID 200"},
      {.name = "AnotherEntryInAValue",
       .rule = kParameterStructure,
       .entries = kState,
       .membership_more =
           ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
           "'parameter':[{'name':'state','valueString':"
           "'x\\\"},{\\\"resourceType\\\":\\\"*'}]}]",
       .strict = "DENY POLICY_INVALID 200"},
      {.name = "ASearchScopeDoesNotRead",
       .rule = kSmartLetters,
       .entries = kAll,
       .change = Scope("user/*.s"),
       .strict = "DENY SCOPE 200"},
      {.name = "ACreateScopeDoesNotDelete",
       .rule = kSmartLetters,
       .entries = kAll,
       .interaction = Interaction::kDelete,
       .change = Scope("user/*.c user/*.r"),
       .strict = "DENY RESOURCE_NOT_GRANTED 200"},
      {.name = "AnEmptyPermission",
       .rule = kSmartLetters,
       .entries = kAll,
       .change = Scope("user/*."),
       .strict = "DENY SCOPE 200"},
      {.name = "PatientScopeWithoutAPatient",
       .rule = kSmartLetters,
       .entries = kAll,
       .change = Scope("patient/*.rs"),
       .strict = "DENY SCOPE 200"},
      {.name = "AnEmptyScope",
       .rule = kSmartLetters,
       .entries = kAll,
       .change = Scope(""),
       .strict = "DENY SCOPE 200"},
      {.name = "AnInactiveTarget",
       .rule = kOnBehalfOfActive,
       .entries = kAll,
       .membership_more = kAdmin,
       .more = {kInactiveTarget},
       .change = ActForTarget,
       .strict = "DENY ON_BEHALF_OF 200"},
      {.name = "ATargetWithIpRules",
       .rule = kOnBehalfOfActive,
       .entries = kAll,
       .membership_more = kAdmin,
       .more = {kTargetWithRules, kBlocked},
       .change =
           [](AccessRequest& request) {
             ActForTarget(request);
             request.context.remote_address = "10.1.2.7";
           },
       .strict = "DENY ADDRESS_NOT_ALLOWED 200"},
      {.name = "AnAddressThatBeginsLikeAnAllowedOne",
       .rule = kAddressBoundary,
       .entries = kAll,
       .policy_more = kRules,
       .change = Address("10.1.2.70"),
       .strict = "DENY ADDRESS_NOT_ALLOWED 200"},
      {.name = "WhatOnlyTheCacheMatches",
       .rule = kDurableRead,
       .entries = "[{'resourceType':'Observation','criteria':"
                  "'Observation?status=PRELIMINARY'}]",
       .strict = "DENY RESOURCE_NOT_GRANTED 200"},
      {.name = "WhatTheDatabaseRefuses",
       .rule = kDurableRead,
       .entries = "[{'resourceType':'Observation','criteria':"
                  "'Observation?status=preliminary'},{'resourceType':"
                  "'Observation','criteria':'Observation?nonsense=1'}]",
       .strict = "DENY EVALUATION_ERROR 200"},
      {.name = "NeitherPolicyNorAccess",
       .rule = kPolicyRequired,
       .entries = kAll,
       .membership_more = ",'access':[]",
       .strict = "DENY POLICY_MISSING 200"},
      {.name = "AnEmptyListOfInteractions",
       .rule = kEmptyInteraction,
       .entries = "[{'resourceType':'Observation','interaction':[]}]",
       .strict = "DENY INTERACTION_NOT_GRANTED 200"},
      {.name = "APolicyOfAnUnlinkedProject",
       .rule = kPolicyProject,
       .entries = "[]",
       .membership_more =
           ",'accessPolicy':{'reference':'AccessPolicy/foreign'}",
       .more = {kForeign},
       .strict = "DENY INTERACTION_NOT_GRANTED 200"},
      {.name = "AnAccountOfTheClientsChoice",
       .rule = kAccountAllowed,
       .entries = kAll,
       .interaction = Interaction::kCreate,
       .change = Propose("{'resourceType':'Patient','meta':{'accounts':["
                         "{'reference':'Organization/$NORTH'}]}}"),
       .parity = "PERMIT 201",
       .strict = "DENY ACCOUNT_NOT_ALLOWED 201"},
      {.name = "FieldsOfAnEntryThatOnlyTheDatabaseMatches",
       .rule = kDurableFields,
       .entries = "[{'resourceType':'Observation','criteria':"
                  "'Observation?value-quantity=7','hiddenFields':['status']}]",
       .strict = "PERMIT 200 -status"},
      {.name = "RulesWithoutAnAddress",
       .rule = kFactRequired,
       .entries = kAll,
       .policy_more = kRules,
       .strict = "DENY FACT_MISSING 200"},
  };
}

Decision Decide(const Case& c, Mode mode) {
  std::vector<fhir::ResourcePtr> live =
      Clinic(c.entries, c.policy_more, c.membership_more);
  for (const char* resource : c.more) live.push_back(Json(resource));
  std::vector<fhir::ResourcePtr> versions;
  (c.is_deleted ? versions : live).push_back(Json(kObservation));
  const fhir::MemoryLookup lookup(std::move(live), std::move(versions));
  const DecisionPoint decision_point(lookup, {.mode = mode});
  AccessRequest request;
  request.subject.reference = "ProjectMembership/member";
  request.interaction = c.interaction;
  request.resource.type = "Observation";
  request.resource.id = kObservationId;
  c.change(request);
  Decision decision;
  EXPECT_TRUE(decision_point.Decide(request, decision).decided());
  return decision;
}

TEST(StrictRulesTest, EachChangesTheAnswerAndIsNamed) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const Decision parity = Decide(c, Mode::kParity);
    EXPECT_EQ(Say(parity), c.parity) << parity.message;
    EXPECT_TRUE(RulesOf(parity.notes).empty());
    const Decision strict = Decide(c, Mode::kStrict);
    EXPECT_EQ(Say(strict), c.strict) << strict.message;
    EXPECT_EQ(RulesOf(strict.notes), std::vector<StrictRule>{c.rule});
  }
}

TEST(StrictRulesTest, NoRuleIsMissing) {
  std::set<StrictRule> shown;
  for (const Case& c : Cases()) shown.insert(c.rule);
  shown.insert(StrictRule::kSafeQuery);  // Of searches, below.
  for (size_t rule = 1; rule < kStrictRules; ++rule) {
    EXPECT_TRUE(shown.contains(static_cast<StrictRule>(rule)))
        << StrictRuleName(static_cast<StrictRule>(rule));
  }
}

TEST(StrictRulesTest, SearchesNameTheRulesToo) {
  using enum StrictRule;
  const struct {
    const char* name;
    const char* entries;
    const char* scope;
    const char* query;
    FilterKind parity;
    FilterKind strict;
    std::vector<StrictRule> rules;
  } kCases[] = {
      {"DeniedByAScope",
       kAll,
       "user/Observation.r",
       "",
       FilterKind::kAlwaysPermitted,
       FilterKind::kAlwaysDenied,
       {kSmartLetters}},
      {"NarrowedByTwoRules",
       "[{'resourceType':'Observation','criteria':'Observation?status=final'},"
       "{'resourceType':'Observation','interaction':[]},"
       "{'resourceType':'Observation','criteria':'Patient?active=true'}]",
       nullptr,
       "",
       FilterKind::kAlwaysPermitted,
       FilterKind::kConditional,
       {kEmptyInteraction, kMalformedCriteria}},
      {"ARuleThatLeavesNothingOutIsNotNamed",
       "[{'resourceType':'Observation'},{'resourceType':'Observation',"
       "'interaction':[]}]",
       nullptr,
       "",
       FilterKind::kAlwaysPermitted,
       FilterKind::kAlwaysPermitted,
       {}},
      {"AnErrorOfAnEntryOutOfForceIsNotEscaped",
       "[{'resourceType':'Observation','criteria':'Observation?status=final'},"
       "{'resourceType':'Observation','interaction':[],'criteria':"
       "'Observation?date=yesterday'}]",
       nullptr,
       "",
       FilterKind::kAlwaysDenied,
       FilterKind::kAlwaysDenied,
       {}},
      {"AQueryThatLooksAtHiddenFields",
       "[{'resourceType':'Observation','hiddenFields':['status']}]",
       nullptr,
       "status=final",
       FilterKind::kAlwaysPermitted,
       FilterKind::kAlwaysDenied,
       {kSafeQuery}},
  };
  for (const auto& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(c.name);
      const fhir::MemoryLookup lookup(Clinic(c.entries), {});
      const DecisionPoint decision_point(lookup, {.mode = mode});
      FilterRequest request;
      request.subject.reference = "ProjectMembership/member";
      request.resource_type = "Observation";
      request.query = c.query;
      if (c.scope != nullptr) request.context.smart_scope = c.scope;
      FilterAnswer answer;
      ASSERT_TRUE(decision_point.Filter(request, answer).decided());
      const bool is_strict = mode == Mode::kStrict;
      EXPECT_EQ(answer.kind, is_strict ? c.strict : c.parity) << answer.message;
      EXPECT_EQ(RulesOf(answer.notes),
                is_strict ? c.rules : std::vector<StrictRule>{});
    }
  }
}

}  // namespace
}  // namespace pdp::policy

#include "pdp/policy/departure.h"

#include <gtest/gtest.h>

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

Decision Denied(Reason reason, uint16_t status) {
  Decision decision;
  decision.effect = Effect::kDeny;
  decision.reason = reason;
  decision.medplum_http_status = status;
  return decision;
}

Decision Permitted(std::vector<std::string_view> hidden = {}) {
  Decision decision;
  decision.effect =
      hidden.empty() ? Effect::kPermit : Effect::kPermitWithObligations;
  decision.reason = Reason::kPermitted;
  decision.medplum_http_status = 200;
  decision.hidden_fields = std::move(hidden);
  return decision;
}

Decision Noted(Decision decision, std::vector<StrictRule> rules) {
  for (const StrictRule rule : rules) {
    decision.notes.push_back(
        {.code = NoteCode::kStrictRule, .strict_rule = rule, .text = {}});
  }
  return decision;
}

// "DENY SCOPE 200 -name SMART_LETTERS".
std::string Say(const Decision& decision) {
  std::string out =
      StrCat(decision.permitted() ? "PERMIT " : "DENY ",
             ReasonName(decision.reason), " ", decision.medplum_http_status);
  for (const std::string_view field : decision.hidden_fields) {
    out += StrCat(" -", field);
  }
  for (const Note& note : decision.notes) {
    out += StrCat(" ", StrictRuleName(note.strict_rule));
  }
  return out;
}

TEST(DepartureTest, TheTwoDecisionsBecomeOneAnswer) {
  using enum StrictRule;
  const struct {
    const char* name;
    Decision medplum;
    Decision strict;
    const char* answer;
  } kCases[] = {
      {"MedplumsDenialIsTheAnswer", Denied(Reason::kResourceNotGranted, 404),
       Noted(Denied(Reason::kScope, 0), {kSmartLetters}),
       "DENY RESOURCE_NOT_GRANTED 404"},
      {"APermitThatMedplumDeniesIsImpossible",
       Denied(Reason::kEvaluationError, 400), Permitted(),
       "DENY EVALUATION_ERROR 400"},
      {"ADepartureNamesOneRule", Permitted(),
       Noted(Denied(Reason::kScope, 0), {kDurableFields, kSmartLetters}),
       "DENY SCOPE 200 SMART_LETTERS"},
      {"ARuleThatDidNotMatterIsNotNamed", Permitted({"name"}),
       Noted(Permitted({"name"}), {kDurableFields}),
       "PERMIT PERMITTED 200 -name"},
      {"ARuleThatHidesMoreIs", Permitted(),
       Noted(Permitted({"name"}), {kDurableFields}),
       "PERMIT PERMITTED 200 -name DURABLE_FIELDS"},
      {"WhatMedplumHidesIsNeverShown", Permitted({"name"}),
       Noted(Permitted(), {kDurableFields}), "DENY INTERNAL 0"},
      {"ADenialStandsWhereMedplumsIsForWantOfFacts",
       Denied(Reason::kResourceUnavailable, 0),
       Noted(Denied(Reason::kScope, 0), {kSmartLetters}), "DENY SCOPE 0"},
      {"APermitDoesNot", Denied(Reason::kResourceUnavailable, 0),
       Noted(Permitted({"name"}), {kDurableFields}),
       "DENY RESOURCE_UNAVAILABLE 0"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    Decision answer = c.strict;
    Reconcile(c.medplum, Interaction::kRead, DepartureOf(answer.notes), answer);
    EXPECT_EQ(Say(answer), c.answer);
  }
}

TEST(DepartureTest, VersionsAreHiddenOneByOne) {
  const auto history = [](std::vector<std::string> second) {
    Decision decision = Permitted();
    decision.versions = {{"v2", {"name"}}, {"v1", std::move(second)}};
    return decision;
  };
  Decision answer = Noted(history({"name"}), {StrictRule::kDurableFields});
  Reconcile(history({}), Interaction::kHistory, StrictRule::kDurableFields,
            answer);
  EXPECT_EQ(Say(answer), "PERMIT PERMITTED 200 DURABLE_FIELDS");

  answer = Noted(history({}), {StrictRule::kDurableFields});
  Reconcile(history({"name"}), Interaction::kHistory,
            StrictRule::kDurableFields, answer);
  EXPECT_EQ(Say(answer), "DENY INTERNAL 0");
}

// A clinic's Patient that cannot be read.
class WithoutPatient final : public fhir::MemoryLookup {
 public:
  WithoutPatient(std::vector<fhir::ResourcePtr> live, fhir::LookupState state)
      : MemoryLookup(std::move(live), {}), state_(state) {}

  fhir::LookupResult Read(const fhir::ResourceKey& key) const override {
    if (key.type == "Patient") return {state_, nullptr};
    return MemoryLookup::Read(key);
  }

 private:
  const fhir::LookupState state_;
};

TEST(DepartureTest, FactsThatOnlyMedplumWouldLookAtAreAskedForOrDoneWithout) {
  // Strict mode denies at the type; Medplum would look at the row.
  AccessRequest request;
  request.subject.reference = "ProjectMembership/member";
  request.context.smart_scope = "user/Patient.u";
  request.interaction = Interaction::kRead;
  request.resource.type = "Patient";
  request.resource.id = testing::kPatient;
  const auto clinic = [] { return Clinic("[{'resourceType':'Patient'}]"); };
  Decision decision;

  const WithoutPatient later(clinic(), fhir::LookupState::kPending);
  const Outcome outcome = DecisionPoint(later, {}).Decide(request, decision);
  ASSERT_EQ(outcome.needed.size(), 1u);
  EXPECT_EQ(outcome.needed.front().type, "Patient");

  const WithoutPatient never(clinic(), fhir::LookupState::kUnavailable);
  ASSERT_TRUE(DecisionPoint(never, {}).Decide(request, decision).decided());
  EXPECT_EQ(Say(decision), "DENY SCOPE 0");

  const fhir::MemoryLookup now(clinic(), {});
  ASSERT_TRUE(DecisionPoint(now, {}).Decide(request, decision).decided());
  EXPECT_EQ(Say(decision), "DENY SCOPE 200 SMART_LETTERS");
}

TEST(DepartureTest, TheRuleIsThatOfTheEntryThroughWhichMedplumPermits) {
  testing::World world(
      Clinic("[{'resourceType':'Patient','interaction':[],'criteria':"
             "'Patient?active=false'},{'resourceType':'Patient','criteria':"
             "'Patient?_count=1'}]"),
      Mode::kStrict);
  AccessRequest request;
  request.interaction = Interaction::kRead;
  request.resource.current = testing::Json(
      "{'resourceType':'Patient','id':'$PATIENT','active':true,"
      "'meta':{'project':'$PROJECT'}}");
  EXPECT_EQ(Say(world.Decide(request)),
            "DENY INTERACTION_NOT_GRANTED 200 MALFORMED_CRITERIA");
}

}  // namespace
}  // namespace pdp::policy

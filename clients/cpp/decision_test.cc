#include "medplum_pdp/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "clients/cpp/scripted_pdp.h"
#include "medplum_pdp/hidden_fields.h"

namespace medplum_pdp {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::Decision PermitHiding(const std::string& field) {
  v1::Decision decision = Permit();
  decision.set_effect(v1::EFFECT_PERMIT_WITH_OBLIGATIONS);
  decision.add_hidden_fields(field);
  return decision;
}

TEST(DecisionTest, APlainPermitIsPermitted) {
  const Decision decision = Decision::From(Permit());
  EXPECT_TRUE(decision.permitted());
  EXPECT_TRUE(decision.permitted_if({}));
  EXPECT_FALSE(decision.denied());
  EXPECT_EQ(decision.http_status(), 200);
  EXPECT_TRUE(decision.Require().ok());
  EXPECT_EQ(decision.reason(), "PERMITTED");
}

TEST(DecisionTest, APermitWithObligationsIsNoPlainPermit) {
  v1::Decision message = PermitHiding("name");
  message.add_readonly_fields("active");
  const Decision decision = Decision::From(message);
  EXPECT_FALSE(decision.permitted());
  EXPECT_TRUE(decision.permitted_with_obligations());
  EXPECT_EQ(decision.http_status(), 403);
  EXPECT_TRUE(absl::IsPermissionDenied(decision.Require()));
  // Half of them is not enough.
  EXPECT_FALSE(decision.permitted_if({Obligation::kHiddenFields}));
  EXPECT_FALSE(decision.permitted_if({Obligation::kReadonlyFields}));
  const Obligations both = {Obligation::kHiddenFields,
                            Obligation::kReadonlyFields};
  EXPECT_TRUE(decision.permitted_if(both));
  EXPECT_EQ(decision.http_status(both), 200);
  EXPECT_TRUE(decision.Require(both).ok());
}

TEST(DecisionTest, HttpStatusesOfDenials) {
  struct Case {
    const char* name;
    uint32_t enforcement;
    int http_status;
    absl::StatusCode required;
  };
  constexpr Case kCases[] = {
      {"ByPolicy", 403, 403, absl::StatusCode::kPermissionDenied},
      {"SubjectUnknown", 401, 401, absl::StatusCode::kUnauthenticated},
      {"CannotBeJudged", 503, 503, absl::StatusCode::kUnavailable},
      {"NotSaid", 0, 403, absl::StatusCode::kPermissionDenied},
      {"APermitsStatus", 200, 403, absl::StatusCode::kPermissionDenied},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Decision decision = Decision::From(Denial(c.enforcement));
    EXPECT_TRUE(decision.denied());
    EXPECT_FALSE(decision.permitted_if({Obligation::kHiddenFields}));
    EXPECT_EQ(decision.http_status(), c.http_status);
    const absl::Status required = decision.Require();
    EXPECT_EQ(required.code(), c.required);
    EXPECT_EQ(HttpStatusOf(required), c.http_status);
    EXPECT_THAT(std::string(required.message()),
                HasSubstr("RESOURCE_NOT_GRANTED (decision d-2)"));
  }
}

TEST(DecisionTest, WhatIsNotUnderstoodIsNoDecision) {
  struct Case {
    const char* name;
    std::function<void(v1::Decision&)> change;
  };
  const Case kCases[] = {
      {"Empty", [](v1::Decision& d) { d.Clear(); }},
      {"EffectUnspecified",
       [](v1::Decision& d) { d.set_effect(v1::EFFECT_UNSPECIFIED); }},
      {"EffectUnknown",
       [](v1::Decision& d) { d.set_effect(static_cast<v1::Effect>(4)); }},
      {"ReasonUnspecified",
       [](v1::Decision& d) { d.set_reason(v1::REASON_UNSPECIFIED); }},
      {"ReasonUnknown",
       [](v1::Decision& d) { d.set_reason(static_cast<v1::Reason>(999)); }},
      {"PermittedForReasonOfDenial",
       [](v1::Decision& d) { d.set_reason(v1::REASON_BLOCKED); }},
      {"PermittedWithStatusOfDenial",
       [](v1::Decision& d) { d.set_enforcement_http_status(403); }},
      {"PermittedWithoutStatus",
       [](v1::Decision& d) { d.clear_enforcement_http_status(); }},
      {"PlainPermitThatHides",
       [](v1::Decision& d) { d.add_hidden_fields("name"); }},
      {"PlainPermitThatRestores",
       [](v1::Decision& d) { d.mutable_write()->add_restored_fields("a"); }},
      {"PlainPermitOfVersions", [](v1::Decision& d) { d.add_versions(); }},
      {"ObligationsUnknown",
       [](v1::Decision& d) {
         d.set_effect(v1::EFFECT_PERMIT_WITH_OBLIGATIONS);
       }},
      {"DeniedAsPermitted",
       [](v1::Decision& d) { d.set_effect(v1::EFFECT_DENY); }},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    v1::Decision message = Permit();
    c.change(message);
    const Decision decision = Decision::From(message);
    EXPECT_TRUE(decision.no_decision());
    EXPECT_FALSE(decision.permitted_if({Obligation::kHiddenFields,
                                        Obligation::kReadonlyFields,
                                        Obligation::kVersionFields}));
    EXPECT_FALSE(decision.denied());
    EXPECT_EQ(decision.http_status(), 503);
    EXPECT_TRUE(absl::IsInternal(decision.status())) << decision.status();
    EXPECT_TRUE(absl::IsUnavailable(decision.Require()));
    EXPECT_EQ(decision.message().ByteSizeLong(), 0u);
    EXPECT_EQ(DenialBody(decision), R"({"decisionId":null})");
  }
}

TEST(DecisionTest, OneThatWasNeverMadeIsNone) {
  EXPECT_TRUE(Decision().no_decision());
  EXPECT_FALSE(Decision().permitted_if({}));
  EXPECT_FALSE(Decision().status().ok());
}

TEST(DecisionTest, ItsTextHoldsNothingOfTheResource) {
  v1::Decision message = PermitHiding("name");
  message.mutable_write()->set_resource("Fenwick");
  message.set_message("Fenwick");
  EXPECT_EQ(Decision::From(message).ToString(),
            "PERMIT_WITH_OBLIGATIONS: PERMITTED (decision d-1)");
  EXPECT_EQ(Decision(absl::UnavailableError("STALE: 90 s")).ToString(),
            "NO_DECISION: UNAVAILABLE: STALE: 90 s");
}

TEST(DecisionTest, TheBodyOfADenialHasTheIdAlone) {
  EXPECT_EQ(DenialBody(Decision::From(Denial())), R"({"decisionId":"d-2"})");
  v1::Decision message = Denial();
  message.set_decision_id("a\",\"reason\":\"b");
  EXPECT_EQ(DenialBody(Decision::From(message)), R"({"decisionId":null})");
}

TEST(RequireTest, OfAFilterIsOkWhereSomethingMayBeFound) {
  v1::FilterResponse answer;
  answer.set_reason(v1::REASON_PERMITTED);
  answer.set_enforcement_http_status(200);
  EXPECT_TRUE(absl::IsPermissionDenied(Require(answer)));
  answer.set_kind(static_cast<v1::FilterKind>(9));
  EXPECT_TRUE(absl::IsPermissionDenied(Require(answer)));
  answer.set_kind(v1::FILTER_KIND_CONDITIONAL);
  EXPECT_TRUE(Require(answer).ok());
  answer.set_kind(v1::FILTER_KIND_ALWAYS_DENIED);
  answer.set_enforcement_http_status(401);
  EXPECT_TRUE(absl::IsUnauthenticated(Require(answer)));
  answer.set_enforcement_http_status(503);
  EXPECT_TRUE(absl::IsUnavailable(Require(answer)));
}

constexpr char kPatient[] =
    R"({"resourceType":"Patient","id":"1","meta":{"versionId":"2"},)"
    R"("name":[{"family":"Doe","given":["Jo"]},{"family":"Roe"}],)"
    R"("deceasedBoolean":false,"active":true})";

TEST(HiddenFieldsTest, AreRemovedAndAllElseIsKept) {
  v1::Decision message = PermitHiding("name.family");
  message.add_hidden_fields("deceased[x]");
  EXPECT_EQ(*RemoveHiddenFields(kPatient, Decision::From(message)),
            R"({"resourceType":"Patient","id":"1","meta":{"versionId":"2"},)"
            R"("name":[{"given":["Jo"]},{}],"active":true})");
}

TEST(HiddenFieldsTest, OfAPlainPermitAreNone) {
  EXPECT_EQ(*RemoveHiddenFields(kPatient, Decision::From(Permit())), kPatient);
}

TEST(HiddenFieldsTest, OfAVersionAreItsOwn) {
  v1::Decision message = PermitHiding("active");
  v1::VersionFields& version = *message.add_versions();
  version.set_version_id("2");
  version.add_hidden_fields("name");
  EXPECT_THAT(*RemoveHiddenFields(kPatient, Decision::From(message)),
              testing::AllOf(Not(HasSubstr("family")), HasSubstr("active")));
  message.mutable_versions(0)->set_version_id("3");
  EXPECT_THAT(*RemoveHiddenFields(kPatient, Decision::From(message)),
              testing::AllOf(HasSubstr("family"), Not(HasSubstr("active"))));
}

TEST(HiddenFieldsTest, NothingIsShownWhereTheyCannotBeRemoved) {
  const Decision hiding = Decision::From(PermitHiding("name.family"));
  for (const char* resource :
       {"", "[]", "{", R"({"name":[null]})", R"({"name":1,"name":2})",
        R"({"resourceType":"Bundle","type":"history","entry":[]})",
        R"({"type":"searchset","resourceType":"Bundle"})"}) {
    SCOPED_TRACE(resource);
    EXPECT_TRUE(
        absl::IsInvalidArgument(RemoveHiddenFields(resource, hiding).status()));
  }
  for (const Decision& decision : {Decision::From(Denial()), Decision()}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(
        RemoveHiddenFields(kPatient, decision).status()));
  }
}

}  // namespace
}  // namespace medplum_pdp

#include "pdp/service/token_subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/test_support.h"
#include "pdp/service/token_test_support.h"

namespace pdp::service {
namespace {

using policy::TokenAnswer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct TokenFixture {
  TokenFixture() {
    binding.membership = "ProjectMembership/member";
    binding.project = testing::Expand("$PROJECT");
    binding.expires = f.clock.Now() + absl::Hours(1);
    Bind();
    tokens.answers["refused"] = {.state = TokenAnswer::State::kRefused,
                                 .message = "the access token has ended"};
    tokens.answers["away"] = {.state = TokenAnswer::State::kUnavailable,
                              .message = "the server does not answer"};
  }

  void Bind() {
    tokens.answers["good"] = {
        .state = TokenAnswer::State::kBound,
        .binding = std::make_shared<policy::TokenBinding>(binding)};
  }

  CallOutcome Check(std::string_view text, const CallAttempt& attempt = {}) {
    response.Clear();
    return service.Check(attempt, Proto<v1::CheckRequest>(text), response);
  }

  Fixture f;
  FakeTokens tokens;
  policy::TokenBinding binding;
  DecisionService service{f.decision_point,
                          f.lookup,
                          f.data,
                          f.metrics,
                          {.tokens = &tokens, .clock = &f.clock}};
  v1::CheckResponse response;
};

constexpr std::string_view kRead =
    " interaction: INTERACTION_READ "
    "resource { type: 'Patient' id: '$PATIENT' } ";

std::string Reads(std::string_view subject, std::string_view more = "") {
  return StrCat("subject { ", subject, " }", kRead, more);
}

const CallAttempt kMayResolve = {.may_resolve_tokens = true};

TEST(TokenSubjectTest, ATokenIsTheMemberOfItsLogin) {
  TokenFixture t;
  ASSERT_EQ(t.Check(Reads("access_token: 'good'")).status, absl::OkStatus());
  EXPECT_EQ(t.response.decision().reason(), v1::REASON_PERMITTED);
}

TEST(TokenSubjectTest, ABadTokenIsAnsweredWith401) {
  TokenFixture t;
  ASSERT_EQ(t.Check(Reads("access_token: 'refused'")).status, absl::OkStatus());
  const v1::Decision& decision = t.response.decision();
  EXPECT_EQ(decision.effect(), v1::EFFECT_DENY);
  EXPECT_EQ(decision.reason(), v1::REASON_TOKEN_INVALID);
  EXPECT_EQ(decision.enforcement_http_status(), 401u);
  EXPECT_EQ(decision.medplum_http_status(), 401u);
  EXPECT_EQ(decision.message(), "the access token has ended");
}

TEST(TokenSubjectTest, ATokenThatIsNotKnownIsPendingUntilItWasResolved) {
  TokenFixture t;
  CallOutcome outcome = t.Check(Reads("access_token: 'new'"), kMayResolve);
  EXPECT_TRUE(outcome.pending());
  EXPECT_THAT(outcome.needs_tokens, ElementsAre("new"));

  // And is no decision where that did not help, or cannot be.
  CallAttempt resolved = kMayResolve;
  resolved.resolved = {"new"};
  for (const CallAttempt& attempt : {CallAttempt(), resolved}) {
    outcome = t.Check(Reads("access_token: 'new'"), attempt);
    EXPECT_FALSE(outcome.pending());
    EXPECT_TRUE(absl::IsUnavailable(outcome.status)) << outcome.status;
    EXPECT_THAT(std::string(outcome.status.message()),
                StartsWith("TOKEN_UNCHECKED: "));
  }
  EXPECT_EQ(t.f.metrics.refusals(Refusal::kTokenUnchecked), 2u);
}

TEST(TokenSubjectTest, AServerThatIsAwayIsNoDecision) {
  TokenFixture t;
  const CallOutcome outcome =
      t.Check(Reads("access_token: 'away'"), kMayResolve);
  EXPECT_FALSE(outcome.pending());
  EXPECT_EQ(outcome.status, absl::UnavailableError(
                                "TOKEN_UNCHECKED: the server does not answer"));
  EXPECT_FALSE(t.response.has_decision() &&
               t.response.decision().effect() != v1::EFFECT_UNSPECIFIED);
}

TEST(TokenSubjectTest, FullyFreshAsksAgainForAKnownToken) {
  TokenFixture t;
  const std::string text =
      Reads("access_token: 'good'", "consistency { fully_fresh: true }");
  EXPECT_THAT(t.Check(text, kMayResolve).needs_tokens, ElementsAre("good"));
  CallAttempt resolved = kMayResolve;
  resolved.resolved = {"good"};
  resolved.refreshed = {""};
  EXPECT_EQ(t.Check(text, resolved).status, absl::OkStatus());
  EXPECT_EQ(t.response.decision().reason(), v1::REASON_PERMITTED);
}

TEST(TokenSubjectTest, ATokenDecidesForItsOwnProjectAlone) {
  struct Case {
    std::string text;
    std::string_view field;  // Of the error; empty: none.
  };
  const Case kCases[] = {
      {Reads("access_token: 'good' project: '$PROJECT'"), ""},
      {Reads("access_token: 'good' project: 'other'"), "subject.project"},
      {StrCat("subject { access_token: 'good' } interaction: INTERACTION_READ "
              "resource { type: 'Patient' id: '$PATIENT' project: 'other' }"),
       "resource.project"},
      {Reads("access_token: 'good'", "context { smart_scope: 'user/*.*' }"),
       "context.smart_scope"},
      {Reads("access_token: 'good'", "context { smart_scope: '' }"),
       "context.smart_scope"},
      {Reads("access_token: 'good'", "context { launch_patient: 'Patient/1' }"),
       "context.launch_patient"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    TokenFixture t;
    const absl::Status status = t.Check(c.text).status;
    if (c.field.empty()) {
      EXPECT_EQ(status, absl::OkStatus());
      continue;
    }
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                StartsWith(StrCat(c.field, ":")));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("good")));
  }
}

TEST(TokenSubjectTest, TheLoginsScopeNarrows) {
  TokenFixture t;
  t.binding.smart_scope = "user/Observation.rs";
  t.Bind();
  ASSERT_EQ(t.Check(Reads("access_token: 'good'")).status, absl::OkStatus());
  EXPECT_EQ(t.response.decision().effect(), v1::EFFECT_DENY);

  // And `patient/` by the patient of the launch.
  t.binding.smart_scope = "patient/Patient.rs";
  for (const auto& [patient, effect] :
       std::vector<std::pair<std::string, v1::Effect>>{
           {testing::Expand("Patient/$PATIENT"), v1::EFFECT_PERMIT},
           {"Patient/0199ffff-0000-4000-8000-000000000001", v1::EFFECT_DENY}}) {
    SCOPED_TRACE(patient);
    t.binding.launch_patient = patient;
    t.Bind();
    ASSERT_EQ(t.Check(Reads("access_token: 'good'")).status, absl::OkStatus());
    EXPECT_EQ(t.response.decision().effect(), effect)
        << t.response.DebugString();
  }
}

TEST(TokenSubjectTest, NoAnswerOutlivesTheToken) {
  TokenFixture t;
  t.binding.expires = t.f.clock.Now() + absl::Seconds(3);
  t.Bind();
  ASSERT_EQ(t.Check(Reads("access_token: 'good'")).status, absl::OkStatus());
  EXPECT_EQ(t.response.decision().valid_until().seconds(),
            absl::ToUnixSeconds(t.binding.expires));
}

TEST(TokenSubjectTest, ATokenThatIsTooLongIsNotLookedUp) {
  TokenFixture t;
  const std::string token(kMaxTokenBytes + 1, 'x');
  const CallOutcome outcome =
      t.Check(Reads(StrCat("access_token: '", token, "'")), kMayResolve);
  EXPECT_TRUE(absl::IsResourceExhausted(outcome.status)) << outcome.status;
  EXPECT_FALSE(outcome.pending());
}

TEST(TokenSubjectTest, FilterAndDescribeAccessTakeTokens) {
  TokenFixture t;
  v1::FilterResponse filter;
  const auto filter_request = [](std::string_view token) {
    return Proto<v1::FilterRequest>(StrCat("subject { access_token: '", token,
                                           "' } resource_type: 'Patient'"));
  };
  ASSERT_EQ(t.service.Filter({}, filter_request("good"), filter).status,
            absl::OkStatus());
  EXPECT_NE(filter.kind(), v1::FILTER_KIND_ALWAYS_DENIED);
  filter.Clear();
  ASSERT_EQ(t.service.Filter({}, filter_request("refused"), filter).status,
            absl::OkStatus());
  EXPECT_EQ(filter.kind(), v1::FILTER_KIND_ALWAYS_DENIED);
  EXPECT_EQ(filter.reason(), v1::REASON_TOKEN_INVALID);
  EXPECT_EQ(filter.medplum_http_status(), 401u);

  v1::DescribeAccessResponse describe;
  const auto describe_request = [](std::string_view token) {
    return Proto<v1::DescribeAccessRequest>(
        StrCat("subject { access_token: '", token, "' }"));
  };
  ASSERT_EQ(
      t.service.DescribeAccess({}, describe_request("good"), describe).status,
      absl::OkStatus());
  EXPECT_EQ(describe.membership(), "ProjectMembership/member");
  describe.Clear();
  ASSERT_EQ(t.service.DescribeAccess({}, describe_request("refused"), describe)
                .status,
            absl::OkStatus());
  EXPECT_EQ(describe.reason(), v1::REASON_TOKEN_INVALID);
  EXPECT_TRUE(
      t.service.DescribeAccess(kMayResolve, describe_request("new"), describe)
          .pending());
}

TEST(TokenSubjectTest, StreamsTakeTokens) {
  TokenFixture t;
  v1::CheckStreamResponse response;
  const auto request = [](std::string_view token) {
    return Proto<v1::CheckStreamRequest>(StrCat(
        "id: 3 check { subject { access_token: '", token, "' }", kRead, "}"));
  };
  ASSERT_EQ(t.service.CheckStream({}, request("good"), response).status,
            absl::OkStatus());
  EXPECT_EQ(response.decision().reason(), v1::REASON_PERMITTED);
  EXPECT_TRUE(
      t.service.CheckStream(kMayResolve, request("new"), response).pending());
}

TEST(TokenSubjectTest, EachItemOfABatchHasItsOwnLogin) {
  TokenFixture t;
  auto other = t.binding;
  other.smart_scope = "user/Observation.rs";
  t.tokens.answers["narrow"] = {
      .state = TokenAnswer::State::kBound,
      .binding = std::make_shared<policy::TokenBinding>(other)};
  const auto item = [](std::string_view subject) {
    return StrCat("items { ", Reads(subject), "} ");
  };
  const auto request = Proto<v1::BatchCheckRequest>(
      StrCat(item("access_token: 'good'"), item("access_token: 'narrow'"),
             item("reference: 'ProjectMembership/member'"),
             item("access_token: 'narrow'"), item("access_token: 'refused'"),
             item("access_token: 'good' project: 'other'"),
             item("access_token: 'good'"), item("access_token: 'away'")));
  v1::BatchCheckResponse response;
  ASSERT_EQ(t.service.BatchCheck({}, request, response).status,
            absl::OkStatus());
  EXPECT_EQ(response.results(0).decision().effect(), v1::EFFECT_PERMIT);
  EXPECT_EQ(response.results(1).decision().effect(), v1::EFFECT_DENY);
  EXPECT_EQ(response.results(2).decision().effect(), v1::EFFECT_PERMIT);
  EXPECT_EQ(response.results(3).decision().effect(), v1::EFFECT_DENY);
  EXPECT_EQ(response.results(4).decision().reason(), v1::REASON_TOKEN_INVALID);
  EXPECT_THAT(response.results(5).error().message(),
              StartsWith("items[5].subject.project: "));
  EXPECT_EQ(response.results(6).decision().effect(), v1::EFFECT_PERMIT);
  EXPECT_THAT(response.results(7).error().message(),
              HasSubstr("TOKEN_UNCHECKED"));
}

TEST(TokenSubjectTest, ABatchResolvesAllItsTokensAtOnce) {
  TokenFixture t;
  const auto request = Proto<v1::BatchCheckRequest>(
      StrCat("items { ", Reads("access_token: 'a'"), "} items { ",
             Reads("access_token: 'b'"), "} items { ",
             Reads("access_token: 'a'"), "}"));
  v1::BatchCheckResponse response;
  EXPECT_THAT(t.service.BatchCheck(kMayResolve, request, response).needs_tokens,
              ElementsAre("a", "b"));
}

TEST(TokenSubjectTest, ABatchsScopeIsNotForItsTokens) {
  TokenFixture t;
  const auto request = Proto<v1::BatchCheckRequest>(
      StrCat("context { smart_scope: 'user/*.*' } items { ",
             Reads("access_token: 'good'"), "} items { ",
             Reads("reference: 'ProjectMembership/member'"), "}"));
  v1::BatchCheckResponse response;
  ASSERT_EQ(t.service.BatchCheck({}, request, response).status,
            absl::OkStatus());
  EXPECT_THAT(response.results(0).error().message(),
              HasSubstr("context.smart_scope: "));
  EXPECT_EQ(response.results(1).decision().effect(), v1::EFFECT_PERMIT);
}

TEST(TokenSubjectTest, WithoutAnIssuerTokensAreNotSupported) {
  Fixture f;
  v1::CheckResponse response;
  ASSERT_EQ(
      f.service
          .Check(kMayResolve,
                 Proto<v1::CheckRequest>(Reads("access_token: 'x'")), response)
          .status,
      absl::OkStatus());
  EXPECT_EQ(response.decision().reason(), v1::REASON_NOT_SUPPORTED);
}

}  // namespace
}  // namespace pdp::service

#include "pdp/service/shadow.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"
#include "pdp/service/admin_service.h"
#include "pdp/service/metrics_page.h"
#include "pdp/service/server.h"
#include "pdp/service/server_test_support.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using policy::Effect;
using policy::Mode;
using policy::StrictRule;
using ::testing::HasSubstr;
using ::testing::Not;

// The readers' clinic, whose decisions are compared.
struct ShadowedFixture : Fixture {
  explicit ShadowedFixture(Mode mode)
      : Fixture(mode),
        shadow(decision_point),
        shadowed(decision_point, lookup, data, metrics, {.shadow = &shadow}) {}

  v1::ShadowStatus Status() const {
    v1::ShadowStatus status;
    shadow.Describe(status);
    return status;
  }

  Shadow shadow;
  DecisionService shadowed;
};

// Strict mode takes `s` for a search alone, Medplum for reading too.
constexpr std::string_view kReadUnderSearchScope =
    "subject { reference: 'Practitioner/$PRACTITIONER' } "
    "context { smart_scope: 'user/Patient.s' } "
    "interaction: INTERACTION_READ "
    "resource { type: 'Patient' id: '$PATIENT' }";

TEST(ShadowTest, BothModesAreCountedByRuleAndTheAnswerStays) {
  const struct {
    Mode mode;
    v1::Effect answer;
    v1::Effect shadow;
  } kCases[] = {{Mode::kParity, v1::EFFECT_PERMIT, v1::EFFECT_DENY},
                {Mode::kStrict, v1::EFFECT_DENY, v1::EFFECT_PERMIT}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(static_cast<int>(c.mode));
    ShadowedFixture f(c.mode);
    v1::CheckResponse plain;
    v1::CheckResponse response;
    const auto request = Proto<v1::CheckRequest>(kReadUnderSearchScope);
    ASSERT_TRUE(f.service.Check({}, request, plain).status.ok());
    ASSERT_TRUE(f.shadowed.Check({}, request, response).status.ok());
    for (v1::CheckResponse* each : {&plain, &response}) {
      each->mutable_decision()->clear_decision_id();
      each->mutable_decision()->clear_valid_until();
    }
    EXPECT_EQ(response.ShortDebugString(), plain.ShortDebugString());
    EXPECT_EQ(response.decision().effect(), c.answer);
    // What both modes answer alike.
    ASSERT_TRUE(
        f.shadowed.Check({}, Proto<v1::CheckRequest>(kReadPatient), response)
            .status.ok());

    const v1::ShadowStatus status = f.Status();
    EXPECT_NE(static_cast<int>(status.mode()), static_cast<int>(c.mode));
    EXPECT_EQ(status.decisions(), 2u);
    EXPECT_EQ(status.undecided(), 0u);
    ASSERT_EQ(status.differences_size(), 1);
    const v1::ShadowDifference& difference = status.differences(0);
    EXPECT_EQ(difference.strict_rule(), v1::STRICT_RULE_SMART_LETTERS);
    EXPECT_EQ(difference.count(), 1u);
    EXPECT_EQ(difference.last().membership(), "ProjectMembership/member");
    EXPECT_EQ(difference.last().resource_type(), "Patient");
    EXPECT_EQ(difference.last().interaction(), v1::INTERACTION_READ);
    EXPECT_EQ(difference.last().effect(), c.answer);
    EXPECT_EQ(difference.last().shadow_effect(), c.shadow);
    EXPECT_TRUE(difference.last().has_at());
  }
}

TEST(ShadowTest, FiltersAreCompared) {
  ShadowedFixture f(Mode::kParity);
  v1::FilterResponse response;
  ASSERT_TRUE(f.shadowed
                  .Filter({},
                          Proto<v1::FilterRequest>(
                              "subject { reference: 'ProjectMembership/member'"
                              " } context { smart_scope: 'user/Patient.r' } "
                              "resource_type: 'Patient'"),
                          response)
                  .status.ok());
  EXPECT_EQ(f.shadow.differences(StrictRule::kSmartLetters, Effect::kPermit,
                                 Effect::kDeny),
            1u);
}

TEST(ShadowTest, ABatchIsComparedOnceItIsWhole) {
  ShadowedFixture f(Mode::kParity);
  const fhir::ResourceKey patient{"Patient", std::string(testing::kPatient)};
  f.lookup.Hold(patient);
  const auto request = Proto<v1::BatchCheckRequest>(
      "subject { reference: 'ProjectMembership/member' } "
      "context { smart_scope: 'user/Patient.s' } "
      "items { interaction: INTERACTION_SEARCH resource { type: 'Patient' } } "
      "items { interaction: INTERACTION_READ "
      "        resource { type: 'Patient' id: '$PATIENT' } } "
      "items { interaction: INTERACTION_READ resource_index: 7 }");
  v1::BatchCheckResponse response;
  ASSERT_TRUE(
      f.shadowed.BatchCheck({.may_fetch = true}, request, response).pending());
  EXPECT_EQ(f.Status().decisions(), 0u);

  f.lookup.Release(patient);
  response.Clear();
  ASSERT_TRUE(f.shadowed.BatchCheck({.may_fetch = true}, request, response)
                  .status.ok());
  EXPECT_EQ(f.shadow.decisions(Shadow::Result::kSame), 1u);
  EXPECT_EQ(f.shadow.decisions(Shadow::Result::kDifferent), 1u);
}

TEST(ShadowTest, MetricsHaveTheDifferences) {
  ShadowedFixture f(Mode::kParity);
  v1::CheckResponse response;
  ASSERT_TRUE(
      f.shadowed
          .Check({}, Proto<v1::CheckRequest>(kReadUnderSearchScope), response)
          .status.ok());
  const std::string page = RenderMetrics(
      {f.metrics, f.decision_point, f.data, f.admin, &f.shadow}, absl::Now());
  EXPECT_THAT(page,
              HasSubstr("pdp_shadow_differences_total{rule=\"smart_letters\","
                        "effect=\"permit\",shadow_effect=\"deny\"} 1\n"));
  EXPECT_THAT(
      page, HasSubstr("pdp_shadow_decisions_total{result=\"different\"} 1\n"));
  EXPECT_THAT(RenderMetrics({f.metrics, f.decision_point, f.data, f.admin},
                            absl::Now()),
              Not(HasSubstr("pdp_shadow")));
}

TEST(ShadowTest, ARunningServerShowsThemToItsAdministrator) {
  ShadowedFixture f(Mode::kParity);
  AdminService admin(f.decision_point, f.data, f.admin, &f.shadow);
  ServerOptions options;
  options.listen = {*ParseListenAddress("127.0.0.1:0")};
  const std::unique_ptr<Callers> callers = LocalCallers();
  const auto server = Server::Start(options, {.callers = *callers,
                                              .decisions = f.shadowed,
                                              .admin = admin,
                                              .metrics = f.metrics});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto channel =
      grpc::CreateChannel((*server)->addresses().front().ToString(),
                          grpc::InsecureChannelCredentials());
  const auto set_deadline = [](grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
    context.set_wait_for_ready(true);
  };

  // A unary call and one in a stream.
  const auto decisions = v1::PolicyDecisionPoint::NewStub(channel);
  const auto check = Proto<v1::CheckRequest>(kReadUnderSearchScope);
  grpc::ClientContext unary;
  set_deadline(unary);
  v1::CheckResponse response;
  ASSERT_TRUE(decisions->Check(&unary, check, &response).ok());
  grpc::ClientContext streaming;
  set_deadline(streaming);
  const auto stream = decisions->CheckStream(&streaming);
  v1::CheckStreamRequest item;
  *item.mutable_check() = check;
  v1::CheckStreamResponse answer;
  ASSERT_TRUE(stream->Write(item));
  ASSERT_TRUE(stream->Read(&answer));
  stream->WritesDone();
  ASSERT_TRUE(stream->Finish().ok());

  grpc::ClientContext asking;
  set_deadline(asking);
  v1::GetStatusResponse status;
  ASSERT_TRUE(v1::PdpAdmin::NewStub(channel)
                  ->GetStatus(&asking, v1::GetStatusRequest(), &status)
                  .ok());
  ASSERT_EQ(status.shadow().differences_size(), 1);
  EXPECT_EQ(status.shadow().mode(), v1::MODE_STRICT);
  EXPECT_EQ(status.shadow().differences(0).count(), 2u);
}

}  // namespace
}  // namespace pdp::service

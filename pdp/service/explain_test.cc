// Explain as the API answers it.

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CallOutcome ExplainText(const Fixture& f, std::string_view check,
                        v1::ExplainResponse& response) {
  return f.service.Explain(
      {}, Proto<v1::ExplainRequest>(StrCat("check {", check, "}")), response);
}

constexpr std::string_view kDeletePatient =
    "subject { reference: 'ProjectMembership/member' } "
    "interaction: INTERACTION_DELETE "
    "resource { type: 'Patient' id: '$PATIENT' }";

TEST(ExplainTest, TheDecisionIsThatOfCheckAndIsNotCounted) {
  for (const std::string_view text : {kReadPatient, kDeletePatient}) {
    Fixture f;
    v1::CheckResponse check;
    ASSERT_TRUE(
        f.service.Check({}, Proto<v1::CheckRequest>(text), check).status.ok());
    v1::ExplainResponse explanation;
    ASSERT_TRUE(ExplainText(f, text, explanation).status.ok());
    check.mutable_decision()->clear_decision_id();
    explanation.mutable_decision()->clear_decision_id();
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(
        check.decision(), explanation.decision()))
        << explanation.DebugString();
    const auto interaction = static_cast<fhir::Interaction>(
        Proto<v1::CheckRequest>(text).interaction());
    uint64_t counted = 0;
    for (size_t effect = 0; effect < Metrics::kEffects; ++effect) {
      for (size_t reason = 0; reason < Metrics::kReasons; ++reason) {
        counted += f.metrics.decisions(static_cast<policy::Effect>(effect),
                                       interaction,
                                       static_cast<policy::Reason>(reason));
      }
    }
    EXPECT_EQ(counted, 1u);
  }
}

TEST(ExplainTest, ADenialNamesTheNearestEntryAndWhatIsMissing) {
  Fixture f;
  v1::ExplainResponse response;
  ASSERT_TRUE(ExplainText(f, kDeletePatient, response).status.ok());
  EXPECT_EQ(response.membership(), "ProjectMembership/member");
  EXPECT_EQ(response.project(), testing::Expand("Project/$PROJECT"));
  ASSERT_TRUE(response.has_nearest());
  const v1::EntryTrace& nearest =
      response.entries(static_cast<int>(response.nearest()));
  EXPECT_EQ(nearest.entry().policy(), "AccessPolicy/policy");
  EXPECT_EQ(nearest.entry().policy_version_id(), "p1");
  EXPECT_EQ(nearest.entry().policy_name(), "P");
  EXPECT_EQ(nearest.test(), v1::ENTRY_TEST_INTERACTION);
  EXPECT_EQ(nearest.stage(), v1::DECISION_STAGE_STORED);
  EXPECT_EQ(nearest.resource_type(), "Patient");
  EXPECT_THAT(nearest.interactions(),
              ElementsAre(v1::INTERACTION_READ, v1::INTERACTION_SEARCH));
  EXPECT_EQ(nearest.failed_test(),
            "It grants read and search on Patients, not delete.");
  EXPECT_THAT(response.summary(),
              HasSubstr("`ProjectMembership/member` may not delete this "
                        "Patient."));
  EXPECT_THAT(response.missing(), HasSubstr("would have to grant delete"));
}

TEST(ExplainTest, WhatItCannotAnswerEndsTheCall) {
  struct Case {
    const char* request;
    absl::StatusCode code;
    const char* message;
  };
  const Case kCases[] = {
      {"", absl::StatusCode::kInvalidArgument, "check: missing"},
      {"decision_id: 'x'", absl::StatusCode::kUnimplemented,
       "keeps nothing of the past"},
      {"decision_id: 'x' as_of { seconds: 1 }",
       absl::StatusCode::kInvalidArgument, "as_of: "},
      {"check { } as_of { seconds: 1 }", absl::StatusCode::kUnimplemented,
       "keeps nothing of the past"},
      {"check { interaction: INTERACTION_READ }",
       absl::StatusCode::kInvalidArgument, "subject"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.request);
    Fixture f;
    v1::ExplainResponse response;
    const absl::Status status =
        f.service.Explain({}, Proto<v1::ExplainRequest>(c.request), response)
            .status;
    EXPECT_EQ(status.code(), c.code);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(ExplainTest, IsAsFreshAsCheckHasToBe) {
  Fixture f;
  f.data.SetAge(absl::Hours(1));
  v1::ExplainResponse response;
  EXPECT_EQ(ExplainText(f, kReadPatient, response).status.code(),
            absl::StatusCode::kUnavailable);
  f.data.ready = false;
  EXPECT_EQ(ExplainText(f, kReadPatient, response).status.code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace pdp::service

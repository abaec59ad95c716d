#include "pdp/service/decision_service.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/decide_bytes.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using policy::Effect;
using policy::Reason;

CallOutcome CheckText(const Fixture& f, std::string_view text,
                      v1::CheckResponse& response,
                      const CallAttempt& attempt = {}) {
  return f.service.Check(attempt, Proto<v1::CheckRequest>(text), response);
}

TEST(DecisionServiceTest, AnswersWithADecision) {
  Fixture f;
  v1::CheckResponse response;
  ASSERT_EQ(CheckText(f, kReadPatient, response).status, absl::OkStatus());
  const v1::Decision& decision = response.decision();
  EXPECT_EQ(decision.effect(), v1::EFFECT_PERMIT) << decision.DebugString();
  EXPECT_EQ(decision.reason(), v1::REASON_PERMITTED);
  EXPECT_EQ(decision.enforcement_http_status(), 200u);
  EXPECT_EQ(decision.revision(), 7u);
  EXPECT_EQ(decision.decision_id().size(), 36u);
  EXPECT_EQ(f.metrics.decisions(Effect::kPermit, fhir::Interaction::kRead,
                                Reason::kPermitted),
            1u);
}

TEST(DecisionServiceTest, AnUnknownSubjectIsADecision) {
  Fixture f;
  v1::CheckResponse response;
  ASSERT_EQ(CheckText(f,
                      "subject { reference: 'ProjectMembership/nobody' } "
                      "interaction: INTERACTION_READ "
                      "resource { type: 'Patient' id: '$PATIENT' }",
                      response)
                .status,
            absl::OkStatus());
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_DENY);
  EXPECT_EQ(response.decision().reason(), v1::REASON_SUBJECT_UNKNOWN);
  EXPECT_EQ(response.decision().enforcement_http_status(), 401u);
}

TEST(DecisionServiceTest, DecidesNothingBeforeTheFirstLoad) {
  Fixture f;
  f.data.ready = false;
  const absl::Status not_ready = absl::UnavailableError(
      "STALE: the first load of the source is not complete");
  v1::CheckResponse check;
  EXPECT_EQ(CheckText(f, kReadPatient, check).status, not_ready);
  v1::BatchCheckResponse batch;
  EXPECT_EQ(f.service.BatchCheck({}, {}, batch).status, not_ready);
  v1::FilterResponse filter;
  EXPECT_EQ(f.service.Filter({}, {}, filter).status, not_ready);
  v1::DescribeAccessResponse describe;
  EXPECT_EQ(f.service.DescribeAccess({}, {}, describe).status, not_ready);
}

TEST(DecisionServiceTest, WhatIsNotSupportedIsDenied) {
  const char* const kRequests[] = {
      "subject { access_token: 'x' } interaction: INTERACTION_READ "
      "resource { type: 'Patient' id: '$PATIENT' }"};
  for (const char* const text : kRequests) {
    SCOPED_TRACE(text);
    Fixture f;
    v1::CheckResponse response;
    ASSERT_EQ(CheckText(f, text, response).status, absl::OkStatus());
    const v1::Decision& decision = response.decision();
    EXPECT_EQ(decision.effect(), v1::EFFECT_DENY);
    EXPECT_EQ(decision.reason(), v1::REASON_NOT_SUPPORTED);
    EXPECT_EQ(decision.enforcement_http_status(), 403u);
    EXPECT_FALSE(decision.message().empty());
    EXPECT_EQ(decision.decision_id().size(), 36u);
  }
}

TEST(DecisionServiceTest, IdsAreUniqueAndOfVersion7) {
  Fixture f;
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    v1::CheckResponse response;
    ASSERT_EQ(CheckText(f, kReadPatient, response).status, absl::OkStatus());
    const std::string& id = response.decision().decision_id();
    EXPECT_EQ(id[14], '7') << id;
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
}

TEST(DecisionServiceTest, AnswersMayBeReusedForAWhile) {
  Fixture f;
  v1::CheckResponse response;
  const int64_t before = absl::ToUnixSeconds(f.clock.Now());
  ASSERT_EQ(CheckText(f, kReadPatient, response).status, absl::OkStatus());
  const int64_t until = response.decision().valid_until().seconds();
  EXPECT_EQ(until, before + 10);

  // Never past the server's own bound.
  f.data.SetAge(absl::Seconds(298));
  ASSERT_EQ(CheckText(f, kReadPatient, response).status, absl::OkStatus());
  EXPECT_EQ(response.decision().valid_until().seconds(), before + 2);

  // Nor for what is refused whatever the data says.
  f.data.SetAge(absl::Seconds(400));
  response.Clear();
  ASSERT_EQ(CheckText(f,
                      "subject { access_token: 'x' } "
                      "interaction: INTERACTION_READ "
                      "resource { type: 'Patient' id: '$PATIENT' }",
                      response)
                .status,
            absl::OkStatus());
  EXPECT_FALSE(response.decision().has_valid_until());

  Fixture never(policy::Mode::kStrict,
                {.decision_reuse = absl::ZeroDuration()});
  response.Clear();
  ASSERT_EQ(CheckText(never, kReadPatient, response).status, absl::OkStatus());
  EXPECT_FALSE(response.decision().has_valid_until());
}

TEST(DecisionServiceTest, StaleDataIsNamedThenRefused) {
  Fixture f;
  v1::CheckResponse response;
  f.data.SetAge(absl::Seconds(31));
  ASSERT_EQ(CheckText(f, kReadPatient, response).status, absl::OkStatus());
  ASSERT_EQ(response.decision().notes_size(), 1);
  EXPECT_EQ(response.decision().notes(0).code(), v1::NOTE_CODE_STALE);

  f.data.SetAge(absl::Seconds(301));
  EXPECT_EQ(CheckText(f, kReadPatient, response).status,
            absl::UnavailableError("STALE: the data is 5m1s behind its source, "
                                   "more than 5m"));
}

TEST(DecisionServiceTest, SaysWhereTheServersVersionWasNotChecked) {
  Fixture f;
  f.data.version_checked = false;
  v1::CheckResponse check;
  ASSERT_EQ(CheckText(f, kReadPatient, check).status, absl::OkStatus());
  EXPECT_EQ(check.decision().effect(), v1::EFFECT_PERMIT);
  ASSERT_EQ(check.decision().notes_size(), 1);
  EXPECT_EQ(check.decision().notes(0).code(), v1::NOTE_CODE_SERVER_VERSION);
}

struct ConsistencyCase {
  const char* name;
  const char* consistency;
  absl::Status status;
  bool is_pending;
};

TEST(DecisionServiceTest, HonorsConsistency) {
  const absl::Status unknown_version = absl::UnavailableError(
      "STALE: Patient/30000000-0000-4000-8000-000000000001/_history/v9 is not "
      "known here yet");
  const ConsistencyCase kCases[] = {
      {"FreshEnough", "max_staleness { seconds: 11 }", absl::OkStatus(), false},
      {"NotFreshEnough", "max_staleness { seconds: 9 }",
       absl::UnavailableError(
           "STALE: the data is 10s behind its source, more than 9s"),
       true},
      {"Negative", "max_staleness { seconds: -1 }",
       absl::InvalidArgumentError(
           "consistency.max_staleness: negative; send 0s or more"),
       false},
      {"FullyFresh", "fully_fresh: true",
       absl::UnavailableError(
           "STALE: the data could not be read again from its source at once, "
           "as consistency.fully_fresh wants"),
       true},
      {"RevisionSeen", "at_least_revision: 7", absl::OkStatus(), false},
      {"RevisionToCome", "at_least_revision: 8",
       absl::UnavailableError(
           "STALE: revision 8 is not known here; this server is at 7"),
       false},
      {"VersionHeld", "at_least_as_fresh: 'Patient/$PATIENT/_history/v1'",
       absl::OkStatus(), false},
      {"VersionNotHeld", "at_least_as_fresh: 'Patient/$PATIENT/_history/v9'",
       unknown_version, true},
      {"TypeThatIsNotKept", "at_least_as_fresh: 'Observation/o/_history/v1'",
       absl::InvalidArgumentError(
           "consistency.at_least_as_fresh[0]: this server keeps no Observation "
           "of its source; leave it out"),
       false},
      {"NoVersion", "at_least_as_fresh: 'Patient/$PATIENT'",
       absl::InvalidArgumentError(
           "consistency.at_least_as_fresh[0]: not a version; send "
           "`Type/id/_history/versionId`"),
       false},
  };
  Fixture f;
  f.data.SetAge(absl::Seconds(10));
  for (const ConsistencyCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const std::string text =
        StrCat(kReadPatient, " consistency { ", c.consistency, " }");
    v1::CheckResponse response;
    const CallOutcome alone = CheckText(f, text, response);
    EXPECT_EQ(alone.status, c.status);
    EXPECT_FALSE(alone.pending());
    const CallOutcome refreshable =
        CheckText(f, text, response, {.may_fetch = true, .may_refresh = true});
    EXPECT_EQ(refreshable.status, c.status);
    EXPECT_EQ(refreshable.pending(), c.is_pending);
  }
}

TEST(DecisionServiceTest, ARefreshMakesACallFullyFresh) {
  Fixture f;
  f.data.SetAge(absl::Seconds(10));
  const CallAttempt refreshed = {.may_refresh = true, .refreshed = {""}};
  v1::CheckResponse response;
  EXPECT_EQ(CheckText(f,
                      StrCat(kReadPatient,
                             " consistency { fully_fresh: true "
                             "max_staleness { seconds: 1 } }"),
                      response, refreshed)
                .status,
            absl::OkStatus());
}

TEST(DecisionServiceTest, SaysWhichFactsAreNeeded) {
  Fixture f;
  const fhir::ResourceKey member{"ProjectMembership", "member"};
  f.lookup.Hold(member);
  v1::CheckResponse response;
  const CallOutcome outcome =
      CheckText(f, kReadPatient, response, {.may_fetch = true});
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(outcome.pending());
  EXPECT_EQ(outcome.needed.front(), member);

  // Where nothing can be fetched there is no decision.
  const CallOutcome alone = CheckText(f, kReadPatient, response);
  EXPECT_EQ(alone.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(alone.pending());
}

TEST(DecideBytesTest, TakesAndGivesSerializedMessages) {
  Fixture f;
  std::string request;
  Proto<v1::CheckRequest>(kReadPatient).SerializeToString(&request);
  std::string response;
  ASSERT_EQ(Decide(f.service, request, response), absl::OkStatus());
  v1::CheckResponse message;
  ASSERT_TRUE(message.ParseFromString(response));
  EXPECT_EQ(message.decision().effect(), v1::EFFECT_PERMIT);

  EXPECT_EQ(Decide(f.service, "\xff\xff", response),
            absl::InvalidArgumentError("the request is not a CheckRequest"));
}

TEST(DecisionServiceTest, FilterAnswersWithAnId) {
  Fixture f;
  v1::FilterResponse response;
  const auto request = Proto<v1::FilterRequest>(
      "subject { reference: 'ProjectMembership/member' } "
      "resource_type: 'Patient'");
  ASSERT_EQ(f.service.Filter({}, request, response).status, absl::OkStatus());
  EXPECT_NE(response.kind(), v1::FILTER_KIND_ALWAYS_DENIED)
      << response.DebugString();
  EXPECT_EQ(response.decision_id().size(), 36u);
  EXPECT_TRUE(response.has_valid_until());

  v1::FilterResponse denied;
  const auto token = Proto<v1::FilterRequest>(
      "subject { access_token: 'x' } resource_type: 'Patient'");
  ASSERT_EQ(f.service.Filter({}, token, denied).status, absl::OkStatus());
  EXPECT_EQ(denied.kind(), v1::FILTER_KIND_ALWAYS_DENIED);
  EXPECT_EQ(denied.reason(), v1::REASON_NOT_SUPPORTED);
  EXPECT_EQ(f.metrics.filters(policy::FilterKind::kAlwaysDenied,
                              Reason::kNotSupported),
            1u);
}

TEST(DecisionServiceTest, DescribesTheEffectivePolicy) {
  Fixture f;
  v1::DescribeAccessResponse response;
  const auto request = Proto<v1::DescribeAccessRequest>(
      "subject { reference: 'ProjectMembership/member' }");
  ASSERT_EQ(f.service.DescribeAccess({}, request, response).status,
            absl::OkStatus());
  EXPECT_EQ(response.membership(), "ProjectMembership/member");
  EXPECT_EQ(response.reason(), v1::REASON_PERMITTED);
  EXPECT_FALSE(response.effective_policy().empty());
  EXPECT_EQ(response.revision(), 7u);
}

}  // namespace
}  // namespace pdp::service

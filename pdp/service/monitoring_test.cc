// Metrics, and the page that shows them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/metrics_page.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Page(const Fixture& f) {
  return RenderMetrics({f.metrics, f.decision_point, f.data, f.admin},
                       absl::FromUnixSeconds(1'700'000'010));
}

TEST(MetricsPageTest, CountsDecisionsByTheirOutcome) {
  Fixture f;
  v1::CheckResponse response;
  for (int i = 0; i < 2; ++i) {
    f.service.Check({}, Proto<v1::CheckRequest>(kReadPatient), response);
  }
  f.service.Check(
      {},
      Proto<v1::CheckRequest>("subject { access_token: 'x' } "
                              "interaction: INTERACTION_UPDATE resource { }"),
      response);
  const std::string page = Page(f);
  EXPECT_THAT(page, HasSubstr("# TYPE pdp_decision_total counter\n"));
  EXPECT_THAT(
      page,
      HasSubstr(
          "pdp_decision_total{effect=\"permit\","
          "interaction=\"read\",reason=\"permitted\",method=\"Check\"} 2"));
  EXPECT_THAT(
      page,
      HasSubstr("pdp_decision_total{effect=\"deny\",interaction="
                "\"update\",reason=\"not_supported\",method=\"Check\"} 1"));
}

TEST(MetricsPageTest, CountsDecisionsByTheMethodThatAskedForThem) {
  Fixture f;
  v1::BatchCheckRequest batch;
  *batch.add_items() = Proto<v1::BatchCheckItem>(kReadPatient);
  v1::BatchCheckResponse answers;
  f.service.BatchCheck({}, batch, answers);
  v1::CheckStreamRequest message;
  *message.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
  v1::CheckStreamResponse answer;
  for (int i = 0; i < 3; ++i) f.service.CheckStream({}, message, answer);
  const std::string page = Page(f);
  EXPECT_THAT(page, HasSubstr("reason=\"permitted\",method=\"BatchCheck\"} 1"));
  EXPECT_THAT(page,
              HasSubstr("reason=\"permitted\",method=\"CheckStream\"} 3"));
  EXPECT_THAT(page, Not(HasSubstr("\"permitted\",method=\"Filter")));
  EXPECT_EQ(
      f.metrics.decisions(policy::Effect::kPermit, fhir::Interaction::kRead,
                          policy::Reason::kPermitted),
      4u);
}

TEST(MetricsPageTest, HoldsNothingThatARequestSaid) {
  Fixture f;
  v1::CheckResponse response;
  f.service.Check({}, Proto<v1::CheckRequest>(kReadPatient), response);
  EXPECT_THAT(Page(f), Not(HasSubstr("ProjectMembership/")));
  EXPECT_THAT(Page(f), Not(HasSubstr(std::string(testing::kPatient))));
}

TEST(MetricsPageTest, TimesMethodsInMicroseconds) {
  Fixture f;
  f.metrics.ObserveLatency(Method::kCheck, 1'500);
  f.metrics.ObserveLatency(Method::kCheck, 4'000);
  const std::string page = Page(f);
  EXPECT_THAT(
      page,
      HasSubstr("pdp_decision_seconds_bucket{method=\"Check\",le=\"1e-06\"} 0"))
      << page;
  EXPECT_THAT(
      page,
      HasSubstr("pdp_decision_seconds_bucket{method=\"Check\",le=\"2e-06\"} "
                "1"));
  EXPECT_THAT(
      page,
      HasSubstr("pdp_decision_seconds_bucket{method=\"Check\",le=\"+Inf\"} 2"));
  EXPECT_THAT(page,
              HasSubstr("pdp_decision_seconds_count{method=\"Check\"} 2"));
}

TEST(MetricsPageTest, TellsOfAuditEventsByLogin) {
  Fixture f;
  EXPECT_THAT(Page(f), Not(HasSubstr("pdp_audit_events")));
  const auto sinks = [] {
    return std::vector<audit_sink::SinkStatus>{
        {.project = "p",
         .created = 3,
         .rejected = 1,
         .posted_until = absl::FromUnixSeconds(1'700'000'000)},
        {.is_refused = true,
         .unread_bytes = 7,
         .posted_until = absl::FromUnixSeconds(1'700'000'020)}};
  };
  const std::string page = RenderMetrics({.metrics = f.metrics,
                                          .decision_point = f.decision_point,
                                          .data = f.data,
                                          .admin = f.admin,
                                          .event_sinks = sinks},
                                         absl::FromUnixSeconds(1'700'000'010));
  for (const char* line :
       {"pdp_audit_events_total{project=\"p\",result=\"created\"} 3\n",
        "pdp_audit_events_total{project=\"p\",result=\"rejected\"} 1\n",
        "pdp_audit_events_lag_seconds{project=\"p\"} 10\n",
        "pdp_audit_events_lag_seconds{project=\"all\"} 0\n",
        "pdp_audit_events_refused{project=\"all\"} 1\n",
        "pdp_audit_events_unread_bytes{project=\"all\"} 7\n"}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(MetricsPageTest, CountsCalls) {
  Fixture f;
  f.metrics.CallStarted(Method::kFilter);
  f.metrics.CallStarted(Method::kFilter);
  f.metrics.CallEnded(Method::kFilter, absl::StatusCode::kUnavailable);
  f.metrics.CountRejection(Rejection::kTooManyWaiting);
  const std::string page = Page(f);
  EXPECT_THAT(
      page,
      HasSubstr("pdp_grpc_call_total{method=\"Filter\",code=\"UNAVAILABLE\"} "
                "1"));
  EXPECT_THAT(page, HasSubstr("pdp_grpc_calls_in_flight{method=\"Filter\"} 1"));
  EXPECT_THAT(page, HasSubstr("pdp_grpc_rejected_total{reason=\"too_many_"
                              "waiting\"} 1"));
}

TEST(MetricsPageTest, ShowsSourceStoreAndBuild) {
  Fixture f;
  const std::string page = Page(f);
  const char* const kLines[] = {
      ("pdp_build_info{version=\"0.1.0\",medplum_version=\"5.1.29\","
       "mode=\"strict\"} 1"),
      "pdp_ready 1",
      "pdp_snapshot_revision 7",
      "pdp_sync_source_ready{source=\"directory:clinic\"} 1",
      "pdp_sync_age_seconds{source=\"directory:clinic\"} 10",
      "pdp_sync_errors_total{source=\"directory:clinic\"} 2",
      "pdp_sync_resources{source=\"directory:clinic\"} 8",
      "pdp_store_bytes 4096",
      "pdp_store_memberships 1",
      "pdp_store_policies 1",
      "pdp_policy_bound_hits_total ",
      "pdp_policy_bound_misses_total ",
      "pdp_policy_compiles_total{result=\"compiled\"} ",
      "pdp_policy_compiles_total{result=\"refused\"} ",
  };
  for (const char* const line : kLines) {
    EXPECT_THAT(page, HasSubstr(std::string("\n") + line)) << page;
  }
}

TEST(MetricsPageTest, SaysWhyNothingWasDecided) {
  Fixture f;
  f.data.SetAge(absl::Minutes(6));
  v1::CheckResponse response;
  f.service.Check({}, Proto<v1::CheckRequest>(kReadPatient), response);
  const std::string page = Page(f);
  EXPECT_THAT(page,
              HasSubstr("\npdp_decision_refused_total{reason=\"stale\"} 1"));
  EXPECT_THAT(page,
              HasSubstr("\npdp_decision_refused_total{reason=\"project_gone\"} "
                        "0"));
}

TEST(MetricsPageTest, ShowsHowFeedsStand) {
  Fixture f;
  EXPECT_THAT(Page(f), Not(HasSubstr("pdp_feed_")));
  const absl::Time now = absl::FromUnixSeconds(1'700'000'010);
  f.admin.source.server_version = "9.9.9";
  f.admin.source.feeds = {{.state = FeedState::kCurrent,
                           .bound = absl::Seconds(3),
                           .notifications = NotificationState::kConnected,
                           .last_notification = now - absl::Seconds(4),
                           .last_sweep = now - absl::Seconds(5),
                           .sweep_interval = absl::Seconds(15),
                           .resources = 6,
                           .changes_applied = 7,
                           .sweeps = 11,
                           .full_sweeps = 12,
                           .failed_sweeps = 13,
                           .failed_full_sweeps = 14,
                           .failures = 8},
                          {.project = "p1",
                           .state = FeedState::kAccessMissing,
                           .notifications = NotificationState::kDisconnected,
                           .loaded = 9,
                           .notifications_received = 10}};
  const std::string page = Page(f);
  const char* const kLines[] = {
      "pdp_medplum_server_version_checked 0",
      "pdp_feed_state{project=\"all\",state=\"current\"} 1",
      "pdp_feed_state{project=\"all\",state=\"loading\"} 0",
      "pdp_feed_state{project=\"p1\",state=\"access_missing\"} 1",
      "pdp_feed_age_seconds{project=\"all\"} 3",
      "pdp_feed_age_seconds{project=\"p1\"} +Inf",
      "pdp_feed_notifications_connected{project=\"all\"} 1",
      "pdp_feed_notifications_connected{project=\"p1\"} 0",
      "pdp_feed_last_notification_age_seconds{project=\"all\"} 4",
      "pdp_feed_last_sweep_age_seconds{project=\"all\"} 5",
      "pdp_feed_last_full_sweep_age_seconds{project=\"all\"} +Inf",
      "pdp_feed_sweep_interval_seconds{project=\"all\"} 15",
      "pdp_feed_resources{project=\"all\"} 6",
      "pdp_feed_changes_total{project=\"all\"} 7",
      "pdp_feed_failures_total{project=\"all\"} 8",
      "pdp_feed_sweeps_total{project=\"all\",kind=\"changes\",result=\"ok\"} "
      "11",
      "pdp_feed_sweeps_total{project=\"all\",kind=\"full\",result=\"ok\"} 12",
      "pdp_feed_sweeps_total{project=\"all\",kind=\"changes\",result="
      "\"failed\"} 13",
      "pdp_feed_sweeps_total{project=\"all\",kind=\"full\",result=\"failed\"} "
      "14",
      "pdp_feed_loaded{project=\"p1\"} 9",
      "pdp_feed_notifications_total{project=\"p1\"} 10",
  };
  for (const char* const line : kLines) {
    EXPECT_THAT(page, HasSubstr(StrCat("\n", line, "\n")));
  }
}

}  // namespace
}  // namespace pdp::service

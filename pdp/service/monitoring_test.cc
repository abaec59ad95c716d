// Metrics, and the HTTP server that shows them.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/http_server.h"
#include "pdp/service/metrics_page.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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
  EXPECT_THAT(page, HasSubstr("pdp_decision_total{effect=\"permit\","
                              "interaction=\"read\",reason=\"permitted\"} 2"));
  EXPECT_THAT(page, HasSubstr("pdp_decision_total{effect=\"deny\",interaction="
                              "\"update\",reason=\"not_supported\"} 1"));
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
  };
  for (const char* const line : kLines) {
    EXPECT_THAT(page, HasSubstr(std::string("\n") + line)) << page;
  }
}

// What the server sends back to `request`, which must end the connection.
std::string Http(const HttpServer& server, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(server.address().port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_EQ(send(fd, request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  std::string response;
  char buffer[4096];
  ssize_t count;
  while ((count = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
    response.append(buffer, static_cast<size_t>(count));
  }
  close(fd);
  return response;
}

std::string Get(const HttpServer& server, const std::string& path,
                const std::string& method = "GET") {
  return Http(server, method + " " + path +
                          " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
}

std::unique_ptr<HttpServer> StartHttp(const std::atomic<bool>& ready) {
  auto server = HttpServer::Start(
      *ParseListenAddress("127.0.0.1:0"),
      {{"/livez", [] { return HttpResponse{.body = "live\n"}; }},
       {"/readyz", [&] {
          return ready ? HttpResponse{.body = "ready\n"}
                       : HttpResponse{.status = 503, .body = "not ready\n"};
        }}});
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

TEST(HttpServerTest, ServesItsPagesAndNothingElse) {
  std::atomic<bool> ready = false;
  const auto server = StartHttp(ready);
  EXPECT_THAT(Get(*server, "/livez"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Get(*server, "/livez"), HasSubstr("\r\n\r\nlive\n"));
  EXPECT_THAT(Get(*server, "/readyz"),
              StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  ready = true;
  EXPECT_THAT(Get(*server, "/readyz"), StartsWith("HTTP/1.1 200 OK\r\n"));

  EXPECT_THAT(Get(*server, "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get(*server, "/livez/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get(*server, "/../../../etc/passwd"),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get(*server, "/livez", "POST"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Get(*server, "/livez", "HEAD"), Not(HasSubstr("live\n")));
  EXPECT_THAT(Http(*server, "nonsense\r\n\r\n"), HasSubstr(" 400 Bad Request"));
}

TEST(HttpServerTest, ATakenPortIsRefused) {
  std::atomic<bool> ready = true;
  const auto server = StartHttp(ready);
  const auto second = HttpServer::Start(server->address(), {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace pdp::service

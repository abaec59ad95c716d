#include "pdp/medplum/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "pdp/base/strings.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_certificates.h"

namespace pdp::medplum {
namespace {

using ::testing::HasSubstr;
using Then = ServerAnswer::Then;

// Compressed: kBot, and 200,000 zero bytes.
constexpr char kBot[] = R"({"resourceType":"Bot","id":"b"})";
constexpr char kGzipBot[] =
    "H4sIAAAAAAACA6tWKkotzi8tSk4NqSxIVbJScsovUdJRykwBMpOUagFmET6eHwAAAA==";
constexpr char kGzipZeros[] =
    "H4sIAAAAAAACA+3BMQEAAADCoPVPbQZ/oAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACA1wB7"
    "WOBcQA0DAA==";

std::string Unescape(const char* text) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(text, &bytes));
  return bytes;
}

ServerAnswer Gzip(const char* text) {
  return {.headers = {"Content-Encoding: gzip"}, .body = Unescape(text)};
}

HttpExchange Get(const ScriptedServer& server, HttpOptions options = {}) {
  const auto http = *Http::Open(std::move(options));
  return http->Send({.url = server.url()});
}

// What a Get of a server that answers so ends with.
HttpExchange GetAnswer(const ServerAnswer& answer, HttpOptions options = {}) {
  const ScriptedServer server([&](const ServerRequest&) { return answer; });
  return Get(server, std::move(options));
}

TEST(HttpTest, GivesTheAnswer) {
  const HttpExchange exchange = GetAnswer(
      {.code = 429,
       .headers = {"date: Sun, 06 Nov 1994 08:49:37 GMT", "RETRY-AFTER:  7 "},
       .body = "slow down"});
  ASSERT_TRUE(exchange.status.ok()) << exchange.status;
  EXPECT_TRUE(exchange.may_have_arrived);
  EXPECT_EQ(exchange.answer.code, 429);
  EXPECT_EQ(exchange.answer.body, "slow down");
  EXPECT_EQ(exchange.answer.retry_after, "7");
  EXPECT_EQ(exchange.answer.date, absl::FromUnixSeconds(784111777));
}

TEST(HttpTest, SendsMethodHeadersAndBody) {
  using Method = HttpRequest::Method;
  const std::pair<Method, const char*> methods[] = {
      {Method::kGet, "GET"},
      {Method::kPost, "POST"},
      {Method::kPut, "PUT"},
      {Method::kPatch, "PATCH"},
      {Method::kDelete, "DELETE"}};
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer(); });
  // One after the other on one connection: nothing is left over of the last.
  const auto http = *Http::Open({});
  for (const auto& [method, name] : methods) {
    SCOPED_TRACE(name);
    const bool has_body = method != Method::kGet && method != Method::kDelete;
    const HttpExchange exchange =
        http->Send({.method = method,
                    .url = server.url() + "a?b",
                    .headers = {"X-Test: 1"},
                    .body = has_body ? std::string("a\0b", 3) : ""});
    ASSERT_TRUE(exchange.status.ok()) << exchange.status;
    const ServerRequest request = server.requests().back();
    EXPECT_EQ(request.method, name);
    EXPECT_EQ(request.target, "/a?b");
    EXPECT_EQ(request.headers.at("x-test"), "1");
    EXPECT_EQ(request.body, has_body ? std::string("a\0b", 3) : "");
  }
}

TEST(HttpTest, ARedirectIsAnAnswerAndIsNotFollowed) {
  const ScriptedServer server([&](const ServerRequest& request) {
    return ServerAnswer{
        .code = 302,
        .headers = {"Location: http://" + request.headers.at("host") + "/x"}};
  });
  const HttpExchange exchange = Get(server);
  ASSERT_TRUE(exchange.status.ok()) << exchange.status;
  EXPECT_EQ(exchange.answer.code, 302);
  EXPECT_EQ(exchange.answer.location, server.url() + "x");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpTest, InflatesWhatIsCompressed) {
  const HttpExchange exchange = GetAnswer(Gzip(kGzipBot));
  ASSERT_TRUE(exchange.status.ok()) << exchange.status;
  EXPECT_EQ(exchange.answer.body, kBot);
}

TEST(HttpTest, ABrokenAnswerIsAnError) {
  struct Case {
    const char* name;
    ServerAnswer answer;
    absl::StatusCode code;
  };
  ServerAnswer broken_gzip = Gzip(kGzipBot);
  broken_gzip.body[20] ^= 0x55;
  const Case cases[] = {
      {"NothingIsSent",
       {.then = Then::kClose, .bytes_sent = 0},
       absl::StatusCode::kUnavailable},
      {"TheBodyIsCut",
       {.body = "0123456789", .then = Then::kClose, .bytes_sent = 45},
       absl::StatusCode::kDataLoss},
      {"AChunkIsCut",
       {.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "10\r\n01234",
        .then = Then::kClose},
       absl::StatusCode::kDataLoss},
      {"TheLastChunkIsMissing",
       {.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\n01234\r\n",
        .then = Then::kClose},
       absl::StatusCode::kDataLoss},
      {"IsNoHttp",
       {.raw = "SSH-2.0-OpenSSH_9.2\r\n", .then = Then::kClose},
       absl::StatusCode::kDataLoss},
      {"IsNotCompressed", broken_gzip, absl::StatusCode::kDataLoss},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    const HttpExchange exchange = GetAnswer(test.answer);
    EXPECT_EQ(exchange.status.code(), test.code) << exchange.status;
    EXPECT_TRUE(exchange.may_have_arrived);
  }
}

TEST(HttpTest, AnAnswerEndsInTime) {
  HttpOptions options;
  options.total_timeout = absl::Milliseconds(50);
  EXPECT_TRUE(absl::IsUnavailable(
      GetAnswer({.then = Then::kStall, .bytes_sent = 0}, options).status));
  EXPECT_TRUE(absl::IsUnavailable(
      GetAnswer({.then = Then::kStall, .bytes_sent = 10}, options).status));
}

TEST(HttpTest, AnAnswerThatStallsEndsBeforeItsTime) {
  HttpOptions options;
  options.total_timeout = absl::Minutes(10);
  options.stall_timeout = absl::Milliseconds(50);
  const HttpExchange exchange = GetAnswer(
      {.body = "0123456789", .then = Then::kStall, .bytes_sent = 45}, options);
  EXPECT_TRUE(absl::IsUnavailable(exchange.status)) << exchange.status;
  EXPECT_THAT(std::string(exchange.status.message()), HasSubstr("stalled"));
}

TEST(HttpTest, AnAnswerIsBounded) {
  const std::string large(1001, 'x');
  const ServerAnswer cases[] = {
      {.body = large},
      {.raw = StrCat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                     "3e9\r\n", large, "\r\n0\r\n\r\n")},
      {.raw = StrCat("HTTP/1.1 200 OK\r\n\r\n", large), .then = Then::kClose},
      Gzip(kGzipZeros),
      {.headers = std::vector<std::string>(
           100, StrCat("X-Large: ", std::string(1000, 'x')))},
  };
  HttpOptions options;
  options.max_response_bytes = 1000;
  for (const ServerAnswer& answer : cases) {
    SCOPED_TRACE(ToAbsl(std::string_view(answer.raw).substr(0, 60)));
    EXPECT_TRUE(absl::IsResourceExhausted(GetAnswer(answer, options).status));
  }
  EXPECT_TRUE(GetAnswer({.body = std::string(1000, 'x')}, options).status.ok());
}

TEST(HttpTest, ConnectionsAreKeptUnlessANewOneIsAskedFor) {
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer(); });
  const auto http = *Http::Open({});
  (void)http->Send({.url = server.url()});
  (void)http->Send({.url = server.url()});
  (void)http->Send({.url = server.url(), .new_connection = true});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1].connection, 1);
  EXPECT_EQ(requests[2].connection, 2);
}

TEST(HttpTest, WhatCannotConnectDidNotArrive) {
  int port = 0;
  {
    const ScriptedServer server(
        [](const ServerRequest&) { return ServerAnswer(); });
    port = server.port();
  }
  const auto http = *Http::Open({});
  const HttpExchange exchange =
      http->Send({.url = StrCat("http://127.0.0.1:", port, "/")});
  EXPECT_TRUE(absl::IsUnavailable(exchange.status)) << exchange.status;
  EXPECT_FALSE(exchange.may_have_arrived);
}

TEST(HttpTest, OtherProtocolsAreRefused) {
  const auto http = *Http::Open({});
  EXPECT_FALSE(http->Send({.url = "file:///etc/passwd"}).status.ok());
}

TEST(HttpTest, ProxiesOfTheEnvironmentAreNotUsed) {
  setenv("http_proxy", "http://127.0.0.1:1/", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
  const HttpExchange exchange = GetAnswer({});
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_TRUE(exchange.status.ok()) << exchange.status;
}

TEST(HttpTest, StopEndsWhatRuns) {
  const ScriptedServer server([](const ServerRequest&) {
    return ServerAnswer{.then = Then::kStall, .bytes_sent = 0};
  });
  HttpOptions options;
  options.total_timeout = absl::Minutes(10);
  const auto http = *Http::Open(std::move(options));
  std::thread sender([&] {
    EXPECT_TRUE(absl::IsCancelled(http->Send({.url = server.url()}).status));
  });
  server.WaitForRequests(1);
  http->Stop();
  sender.join();
  EXPECT_TRUE(absl::IsCancelled(http->Send({.url = server.url()}).status));
}

TEST(HttpTlsTest, OnlyACertificateOfTheAuthorityForTheHostIsTrusted) {
  const TestAuthority authority;
  const TestAuthority other;
  struct Case {
    const char* name;
    ServerCertificate certificate;
    bool is_trusted;
  };
  const Case cases[] = {
      {"Trusted", authority.Issue("IP:127.0.0.1"), true},
      {"OfAnotherHost", authority.Issue("DNS:other.example,IP:127.0.0.2"),
       false},
      {"OfAnotherAuthority", other.Issue("IP:127.0.0.1"), false},
  };
  const TempFile ca(authority.certificate());
  HttpOptions options;
  options.ca_file = ca.path();
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    const ScriptedServer server(
        [](const ServerRequest&) { return ServerAnswer{.body = "ok"}; },
        test.certificate);
    const HttpExchange exchange = Get(server, options);
    if (test.is_trusted) {
      EXPECT_TRUE(exchange.status.ok()) << exchange.status;
      EXPECT_EQ(exchange.answer.body, "ok");
      continue;
    }
    EXPECT_TRUE(absl::IsFailedPrecondition(exchange.status)) << exchange.status;
    EXPECT_FALSE(exchange.may_have_arrived);
    EXPECT_TRUE(server.requests().empty());
  }
}

TEST(HttpTlsTest, TellsUntilWhenTheCertificateIsGood) {
  const TestAuthority authority;
  const TempFile ca(authority.certificate());
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer(); },
      authority.Issue("IP:127.0.0.1"));
  HttpOptions options;
  options.ca_file = ca.path();
  const auto http = *Http::Open(std::move(options));
  for (const bool is_asked_for : {true, false}) {
    const HttpExchange exchange =
        http->Send({.url = server.url(),
                    .new_connection = true,
                    .with_certificate = is_asked_for});
    ASSERT_TRUE(exchange.status.ok()) << exchange.status;
    ASSERT_EQ(exchange.answer.certificate_ends.has_value(), is_asked_for);
    if (is_asked_for) {
      EXPECT_GT(*exchange.answer.certificate_ends, absl::Now());
    }
  }
}

TEST(HttpTlsTest, WithoutACaFileTheSystemsAuthoritiesCount) {
  const TestAuthority authority;
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer(); },
      authority.Issue("IP:127.0.0.1"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Get(server).status));
}

TEST(HttpTlsTest, APlainServerIsNotSpokenTo) {
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer(); });
  HttpOptions options;
  options.connect_timeout = absl::Milliseconds(50);
  const auto http = *Http::Open(std::move(options));
  const HttpExchange exchange =
      http->Send({.url = StrCat("https://127.0.0.1:", server.port(), "/")});
  EXPECT_FALSE(exchange.status.ok());
  EXPECT_FALSE(exchange.may_have_arrived);
}

}  // namespace
}  // namespace pdp::medplum

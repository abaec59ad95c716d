#include "pdp/medplum/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_server.h"

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Repeat = RetryingHttp::Repeat;
using Then = ServerAnswer::Then;

TEST(RetryAfterTest, IsSecondsOrADate) {
  const absl::Time now = absl::FromUnixSeconds(784111777);
  EXPECT_EQ(ParseRetryAfter("0", now), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("120", now), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:42 GMT", now),
            absl::Seconds(5));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:30 GMT", now),
            absl::ZeroDuration());
  for (const char* text : {"", "soon", "-1", "1.5", "99999999999"}) {
    EXPECT_EQ(ParseRetryAfter(text, now), std::nullopt) << text;
  }
}

// Sends one request to a server whose answers are scripted, and records how
// long was waited between the attempts.
class RetryTest : public testing::Test {
 protected:
  HttpExchange Send(std::vector<ServerAnswer> answers,
                    Repeat repeat = Repeat::kAlways) {
    waits_.clear();
    size_t next = 0;
    const ScriptedServer server([&](const ServerRequest&) {
      return answers[std::min(next++, answers.size() - 1)];
    });
    options_.clock = &clock_;
    options_.sleep = [this](absl::Duration duration) {
      waits_.push_back(duration);
      clock_.Advance(duration);
    };
    RetryingHttp http(*Http::Open({}), options_);
    const HttpExchange exchange = http.Send({.url = server.url()}, repeat);
    statistics_ = http.statistics();
    return exchange;
  }

  FakeClock clock_;
  RetryOptions options_ = {.random = [] { return 1.0; }};
  std::vector<absl::Duration> waits_;
  HttpStatistics statistics_;
};

TEST_F(RetryTest, WaitsTwiceAsLongEachTime) {
  options_.max_attempts = 6;
  options_.max_backoff = absl::Seconds(1);
  EXPECT_EQ(Send({{.code = 500}}).answer.code, 500);
  EXPECT_THAT(
      waits_,
      ElementsAre(absl::Milliseconds(200), absl::Milliseconds(400),
                  absl::Milliseconds(800), absl::Seconds(1), absl::Seconds(1)));
  EXPECT_EQ(statistics_.requests, 6u);
  EXPECT_EQ(statistics_.retries, 5u);
  EXPECT_EQ(statistics_.failed, 6u);
}

TEST_F(RetryTest, WaitsARandomPart) {
  options_.random = [] { return 0.25; };
  (void)Send({{.code = 500}, {.code = 200}});
  EXPECT_THAT(waits_, ElementsAre(absl::Milliseconds(50)));
}

TEST_F(RetryTest, EndsWithTheFirstAnswerThatIsFinal) {
  EXPECT_EQ(Send({{.code = 503}, {.code = 429}, {.code = 200}}).answer.code,
            200);
  EXPECT_EQ(waits_.size(), 2u);
}

TEST_F(RetryTest, WaitsAsLongAsTheServerAsksWithinABound) {
  options_.max_retry_after = absl::Seconds(10);
  (void)Send({{.code = 429, .headers = {"Retry-After: 3"}},
              {.code = 503, .headers = {"Retry-After: 3600"}},
              // Not a reason to wait with these.
              {.code = 500, .headers = {"Retry-After: 3"}},
              {.code = 200}});
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(3), absl::Seconds(10),
                                  absl::Milliseconds(800)));
}

TEST_F(RetryTest, NoAttemptBeginsAfterTheTotalTime) {
  options_.max_attempts = 100;
  options_.total_time = absl::Seconds(10);
  EXPECT_EQ(Send({{.code = 429, .headers = {"Retry-After: 4"}}}).answer.code,
            429);
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(4), absl::Seconds(4)));
}

TEST_F(RetryTest, OnlyWhatMayPassIsRepeated) {
  struct Case {
    const char* name;
    ServerAnswer answer;
    bool always;           // Repeated with kAlways.
    bool if_not_received;  // With kIfNotReceived.
  };
  const Case cases[] = {
      {"Ok", {.code = 200}, false, false},
      {"Redirect", {.code = 302}, false, false},
      {"BadRequest", {.code = 400}, false, false},
      {"Unauthorized", {.code = 401}, false, false},
      {"NotFound", {.code = 404}, false, false},
      {"TooManyRequests", {.code = 429}, true, true},
      {"ServerError", {.code = 500}, true, false},
      {"Unavailable", {.code = 503}, true, false},
      {"NoAnswer", {.then = Then::kClose, .bytes_sent = 0}, true, false},
      {"CutAnswer",
       {.body = "0123456789", .then = Then::kClose, .bytes_sent = 45},
       true,
       false},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    (void)Send({test.answer});
    EXPECT_EQ(!waits_.empty(), test.always);
    (void)Send({test.answer}, Repeat::kIfNotReceived);
    EXPECT_EQ(!waits_.empty(), test.if_not_received);
  }
}

TEST_F(RetryTest, WhatCannotConnectIsRepeated) {
  options_.clock = &clock_;
  int waits = 0;
  options_.sleep = [&](absl::Duration) { ++waits; };
  RetryingHttp http(*Http::Open({}), options_);
  (void)http.Send({.url = "http://127.0.0.1:1/"}, Repeat::kIfNotReceived);
  EXPECT_EQ(waits, options_.max_attempts - 1);
}

TEST_F(RetryTest, AnUntrustedServerIsNotAskedAgain) {
  const TestAuthority authority;
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer(); },
      authority.Issue("IP:127.0.0.1"));
  int waits = 0;
  options_.sleep = [&](absl::Duration) { ++waits; };
  RetryingHttp http(*Http::Open({}), options_);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      http.Send({.url = server.url()}, Repeat::kAlways).status));
  EXPECT_EQ(waits, 0);
}

TEST(RetryStopTest, StopEndsAWait) {
  const ScriptedServer server([](const ServerRequest&) {
    return ServerAnswer{.code = 429, .headers = {"Retry-After: 3600"}};
  });
  RetryOptions options;
  options.max_retry_after = absl::Hours(1);
  options.total_time = absl::Hours(2);
  RetryingHttp http(*Http::Open({}), options);
  std::thread sender([&] {
    const HttpExchange exchange =
        http.Send({.url = server.url()}, Repeat::kAlways);
    EXPECT_TRUE(absl::IsCancelled(exchange.status));
  });
  server.WaitForRequests(1);
  http.Stop();
  sender.join();
}

}  // namespace
}  // namespace pdp::medplum

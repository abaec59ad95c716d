#include "pdp/medplum/token_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_certificates.h"

namespace pdp::medplum {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kRefusal[] =
    R"({"error":"invalid_request","error_description":"Invalid secret"})";

// A token endpoint that takes one secret, and gives out t1, t2, ...
class TokenSourceTest : public testing::Test {
 protected:
  TokenSource& tokens() {
    if (tokens_ == nullptr) {
      RetryOptions options;
      options.clock = &clock_;
      options.sleep = [](absl::Duration) {};
      options.max_attempts = 2;
      http_ = std::make_unique<RetryingHttp>(*Http::Open({}), options);
      tokens_ = std::make_unique<TokenSource>(server_.url() + "oauth2/token",
                                              credentials_, *http_);
    }
    return *tokens_;
  }

  void Answer(ServerAnswer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }

  std::string Get() {
    const auto token = tokens().Get();
    return token.ok() ? token->text : token.status().ToString();
  }

  size_t Requests() const { return server_.requests().size(); }

  ServerAnswer Handle(const ServerRequest& request) {
    const std::lock_guard lock(mutex_);
    if (answer_) return *answer_;
    if (!request.body.ends_with("client_secret=" + expected_secret_)) {
      return {.code = 400, .body = kRefusal};
    }
    return {.body = StrCat(
                R"({"token_type":"Bearer","expires_in":3600,"access_token":"t)",
                ++count_, R"("})")};
  }

  std::mutex mutex_;
  std::optional<ServerAnswer> answer_;
  std::string expected_secret_ = "hunter2";
  int count_ = 0;
  FakeClock clock_;
  TempFile secret_{"hunter2\n"};
  Credentials credentials_ = {.client_id = "c1",
                              .client_secret_file = secret_.path()};
  ScriptedServer server_{
      [this](const ServerRequest& request) { return Handle(request); }};
  std::unique_ptr<RetryingHttp> http_;
  std::unique_ptr<TokenSource> tokens_;
};

TEST_F(TokenSourceTest, KeepsATokenUntilShortlyBeforeItEnds) {
  EXPECT_EQ(Get(), "t1");
  clock_.Advance(absl::Minutes(59) - absl::Seconds(1));
  EXPECT_EQ(Get(), "t1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(), "t2");
}

TEST_F(TokenSourceTest, AClockThatIsSetBackKeepsNoTokenLonger) {
  EXPECT_EQ(Get(), "t1");
  clock_.SetNow(clock_.Now() - absl::Hours(24));
  clock_.Advance(absl::Minutes(59));
  EXPECT_EQ(Get(), "t2");
}

TEST_F(TokenSourceTest, TheOldTokenServesWhileTheEndpointIsAway) {
  EXPECT_EQ(Get(), "t1");
  Answer({.code = 503});
  clock_.Advance(absl::Minutes(60) - absl::Seconds(1));
  EXPECT_EQ(Get(), "t1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(tokens().Get().status()));
}

TEST_F(TokenSourceTest, TheOldTokenEndsWithARefusal) {
  EXPECT_EQ(Get(), "t1");
  Answer({.code = 400, .body = kRefusal});
  clock_.Advance(absl::Minutes(59));
  EXPECT_TRUE(absl::IsUnauthenticated(tokens().Get().status()));
}

TEST_F(TokenSourceTest, ADiscardedTokenIsNotGivenOutAgain) {
  const auto first = *tokens().Get();
  EXPECT_TRUE(first.is_new);
  EXPECT_FALSE(tokens().Get()->is_new);
  tokens().Discard(first);
  EXPECT_EQ(Get(), "t2");
  tokens().Discard(first);  // Too late: there is another one.
  EXPECT_EQ(Get(), "t2");
}

TEST_F(TokenSourceTest, AllThreadsShareOneRequest) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  ScriptedServer server([&](const ServerRequest&) {
    released.wait();
    return ServerAnswer{
        .body = R"({"token_type":"Bearer","access_token":"shared"})"};
  });
  RetryingHttp http(*Http::Open({}), {});
  TokenSource tokens(server.url(), credentials_, http);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto token = tokens.Get();
      ASSERT_TRUE(token.ok()) << token.status();
      EXPECT_EQ(token->text, "shared");
    });
  }
  server.WaitForRequests(1);
  release.set_value();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(tokens.statistics().requests, 1u);
}

TEST_F(TokenSourceTest, AChangedSecretIsUsedAtOnce) {
  secret_.Write("wrong");
  const absl::Status status = tokens().Get().status();
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("Invalid secret"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("wrong")));
  secret_.Write("hunter2");
  EXPECT_EQ(Get(), "t1");
}

TEST_F(TokenSourceTest, ARefusedSecretIsNotOfferedAgainForAWhile) {
  secret_.Write("wrong");
  (void)tokens().Get();
  (void)tokens().Get();
  EXPECT_EQ(Requests(), 1u);
  expected_secret_ = "wrong";  // As where the client was made active again.
  clock_.Advance(TokenSource::kRefusalHold);
  EXPECT_EQ(Get(), "t1");
  EXPECT_EQ(tokens().statistics().refused, 1u);
}

TEST_F(TokenSourceTest, TheSecretIsEncoded) {
  secret_.Write("a&b=c d+%\xc3\xa9");
  (void)tokens().Get();
  EXPECT_THAT(server_.requests()[0].body,
              HasSubstr("client_secret=a%26b%3Dc%20d%2B%25%C3%A9"));
  EXPECT_EQ(server_.requests()[0].headers.at("content-type"),
            "application/x-www-form-urlencoded");
}

TEST_F(TokenSourceTest, WithoutASecretNothingIsAsked) {
  secret_.Write("");
  EXPECT_TRUE(absl::IsUnauthenticated(tokens().Get().status()));
  unlink(secret_.path().c_str());
  EXPECT_TRUE(absl::IsUnauthenticated(tokens().Get().status()));
  EXPECT_EQ(Requests(), 0u);
  secret_.Write("hunter2");
  EXPECT_EQ(Get(), "t1");
}

TEST_F(TokenSourceTest, WhatTheEndpointAnswersIsToldApart) {
  struct Case {
    const char* name;
    ServerAnswer answer;
    absl::StatusCode code;
  };
  const Case cases[] = {
      {"InvalidClient",
       {.code = 401, .body = R"({"error":"invalid_client"})"},
       absl::StatusCode::kUnauthenticated},
      {"InvalidGrant",
       {.code = 400, .body = R"({"error":"invalid_grant"})"},
       absl::StatusCode::kUnauthenticated},
      {"ForbiddenByIpRule",
       {.code = 403, .body = R"({"error":"access_denied"})"},
       absl::StatusCode::kUnauthenticated},
      {"UnauthorizedWithoutABody",
       {.code = 401},
       absl::StatusCode::kUnauthenticated},
      {"BadRequestOfAGateway",
       {.code = 400, .body = "<html>"},
       absl::StatusCode::kInvalidArgument},
      {"ForbiddenByAGateway",
       {.code = 403, .body = "<html>"},
       absl::StatusCode::kPermissionDenied},
      {"NoSuchEndpoint", {.code = 404}, absl::StatusCode::kDataLoss},
      {"Redirected",
       {.code = 301, .headers = {"Location: https://b.example/"}},
       absl::StatusCode::kFailedPrecondition},
      {"RateLimited", {.code = 429}, absl::StatusCode::kUnavailable},
      {"Down", {.code = 502}, absl::StatusCode::kUnavailable},
      {"NoToken", {.body = "{}"}, absl::StatusCode::kDataLoss},
      {"NotABearerToken",
       {.body = R"({"token_type":"mac","access_token":"t"})"},
       absl::StatusCode::kDataLoss},
      {"ATokenThatWouldBreakTheHeader",
       {.body = R"({"token_type":"Bearer","access_token":"t\r\nX: y"})"},
       absl::StatusCode::kDataLoss},
      {"NotJson", {.body = "<html>"}, absl::StatusCode::kDataLoss},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    Answer(test.answer);
    const auto token = tokens().Get();
    EXPECT_EQ(token.status().code(), test.code) << token.status();
    clock_.Advance(TokenSource::kRefusalHold);
  }
}

TEST_F(TokenSourceTest, AKeySignsInPlaceOfASecret) {
  const TempFile key(TestAuthority().Issue("DNS:x").private_key);
  credentials_ = {
      .client_id = "c1", .private_key_file = key.path(), .key_id = "k1"};
  Answer({.body = R"({"token_type":"bearer","access_token":"t"})"});
  EXPECT_EQ(Get(), "t");
  const std::string body = server_.requests()[0].body;
  EXPECT_THAT(body, testing::StartsWith(
                        "grant_type=client_credentials&client_assertion_type="
                        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type"
                        "%3Ajwt-bearer&client_assertion=eyJ"));
  EXPECT_THAT(body, Not(HasSubstr("client_secret")));
}

}  // namespace
}  // namespace pdp::medplum

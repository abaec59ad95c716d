#include "pdp/sync/token_binder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/test_keys.h"

namespace pdp::sync {
namespace {

using medplum::LoginInfo;
using medplum::ReadAnswer;
using pdp::testing::KeySetOf;
using pdp::testing::TestKey;
using policy::Reason;
using policy::TokenAnswer;
using ::testing::HasSubstr;
using State = TokenAnswer::State;

constexpr std::string_view kIssuer = "https://a.example/";

// Every login has these.
constexpr char kPolicy[] =
    R"({"resourceType":"AccessPolicy","resource":[{"resourceType":"Patient"},)"
    R"({"resourceType":"SearchParameter","readonly":true},)"
    R"({"resourceType":"StructureDefinition","readonly":true}]})";

const TestKey& Key() {
  static const TestKey key = TestKey::Ec("P-256");
  return key;
}

class FakeServer final : public medplum::TokenApi {
 public:
  absl::StatusOr<medplum::KeySet> FetchKeys() override {
    const std::lock_guard lock(mutex_);
    ++fetches;
    if (!keys_status.ok()) return keys_status;
    return medplum::ParseKeySet(KeySetOf({Key().Jwk("k1")}));
  }
  absl::StatusOr<LoginInfo> WhoIs(std::string_view token,
                                  std::string_view project) override {
    std::unique_lock lock(mutex_);
    ++asked;
    projects.emplace_back(project);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_held; });
    if (on_whois) on_whois(token);
    if (!login_status.ok()) return login_status;
    return login;
  }
  void Stop() override {}

  void Hold() {
    const std::lock_guard lock(mutex_);
    is_held = true;
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    is_held = false;
    changed_.notify_all();
  }
  void WaitForAsked(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked >= count; });
  }

  LoginInfo login = {.project = "p1",
                     .membership = "ProjectMembership/m1",
                     .access_policy = kPolicy};
  absl::Status login_status;
  absl::Status keys_status;
  std::function<void(std::string_view)> on_whois;
  std::vector<std::string> projects;
  int asked = 0;
  int fetches = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held = false;
};

// A super admin's login, that may read these.
class FakeLogins final : public medplum::Api {
 public:
  absl::StatusOr<ReadAnswer> Read(const fhir::ResourceKey& key) override {
    if (!status.ok()) return status;
    const auto found = resources.find(key.ToString());
    if (found == resources.end()) return ReadAnswer();
    return ReadAnswer{.state = ReadAnswer::State::kFound,
                      .json = found->second};
  }
  absl::StatusOr<medplum::SearchPage> Search(std::string_view) override {
    return absl::InternalError("not asked");
  }
  absl::StatusOr<medplum::SearchPage> NextPage(std::string_view) override {
    return absl::InternalError("not asked");
  }
  absl::StatusOr<LoginInfo> WhoAmI() override {
    return absl::InternalError("not asked");
  }
  absl::StatusOr<std::string> ServerVersion() override {
    return absl::InternalError("not asked");
  }
  absl::StatusOr<std::string> CreateSubscription(std::string_view) override {
    return absl::InternalError("not asked");
  }
  absl::Status DeleteSubscription(std::string_view) override {
    return absl::InternalError("not asked");
  }
  absl::StatusOr<medplum::BindingToken> GetBindingToken(
      std::string_view) override {
    return absl::InternalError("not asked");
  }
  void Stop() override {}

  absl::Status status;
  std::map<std::string, std::string> resources;
};

class TokenBinderTest : public ::testing::Test {
 protected:
  TokenBinder& binder() {
    if (!binder_) {
      options_.lookup = {.issuer = std::string(kIssuer), .clock = &clock_};
      options_.threads = 2;
      binder_.emplace(options_, server_, with_logins_ ? &logins_ : nullptr);
    }
    return *binder_;
  }

  std::string Token(std::string_view more = R"(,"scope":"openid")",
                    std::string_view issuer = kIssuer,
                    std::string_view kid = "k1") const {
    const int64_t now = absl::ToUnixSeconds(clock_.Now());
    return Key().Token(
        StrCat(R"({"alg":"ES256","kid":")", kid, R"("})"),
        StrCat(R"({"iss":")", issuer, R"(","aud":")", issuer,
               R"(","login_id":"l1","exp":)", now + 3600, more, "}"));
  }

  absl::Status Resolve(const std::string& token, bool anew = false) {
    std::promise<absl::Status> done;
    binder().Resolve(token, anew, [&](const absl::Status& status) {
      done.set_value(status);
    });
    return done.get_future().get();
  }

  TokenAnswer Learn(const std::string& token) {
    (void)Resolve(token);
    return binder().Find(token);
  }

  // A Login with `elements` among its members.
  void PutLogin(std::string_view elements) {
    logins_.resources["Login/l1"] = StrCat(
        R"({"resourceType":"Login","id":"l1","meta":{"versionId":"v",)",
        R"("lastUpdated":"2024-01-01T00:00:00Z"},"membership":{"reference":)",
        R"("ProjectMembership/m1"})", elements, "}");
  }

  FakeClock clock_;
  FakeServer server_;
  FakeLogins logins_;
  bool with_logins_ = false;
  TokenBinderOptions options_;
  std::optional<TokenBinder> binder_;
};

TEST_F(TokenBinderTest, BindsATokenToTheMembershipThatTheServerNames) {
  const std::string token = Token();
  EXPECT_EQ(binder().Find(token).state, State::kUnknown);
  EXPECT_EQ(Resolve(token), absl::OkStatus());
  const TokenAnswer answer = binder().Find(token);
  ASSERT_EQ(answer.state, State::kBound) << answer.message;
  EXPECT_EQ(answer.binding->membership, "ProjectMembership/m1");
  EXPECT_EQ(answer.binding->project, "p1");
  EXPECT_EQ(answer.binding->smart_scope, std::nullopt);
  EXPECT_EQ(server_.asked, 1);
}

TEST_F(TokenBinderTest, WhatIsBadOnItsFaceIsAskedOfNobody) {
  const std::string kBad[] = {"", "x", "a.b.c",
                              Token(R"(,"refresh_secret":"s")"),
                              Token("", "https://b.example/")};
  for (const std::string& token : kBad) {
    SCOPED_TRACE(token);
    const TokenAnswer answer = binder().Find(token);
    EXPECT_EQ(answer.state, State::kRefused);
    EXPECT_EQ(answer.reason, Reason::kTokenInvalid);
    EXPECT_EQ(answer.medplum_http_status, 401);
    EXPECT_FALSE(answer.message.empty());
  }
  EXPECT_EQ(server_.asked + server_.fetches, 0);
}

TEST_F(TokenBinderTest, CountsWhatLookUpsCameTo) {
  const std::string token = Token();
  (void)Resolve(token);
  server_.login_status = absl::UnauthenticatedError("revoked");
  (void)Resolve(token, true);
  server_.login_status = absl::UnavailableError("away");
  (void)Resolve(Token(R"(,"scope":"openid","n":1)"), true);
  const policy::TokenStatistics counted = binder().statistics();
  EXPECT_EQ(counted.bound, 1u);
  EXPECT_EQ(counted.refused, 1u);
  EXPECT_EQ(counted.unavailable, 1u);
  EXPECT_EQ(counted.key_fetches, 1u);
  EXPECT_EQ(counted.known, 2u);
}

TEST_F(TokenBinderTest, AForgedTokenIsNotShownToTheServer) {
  std::string token = TestKey::Ec("P-256").Token(
      R"({"alg":"ES256","kid":"k1"})",
      StrCat(R"({"iss":"https://a.example/","aud":"https://a.example/",)",
             R"("login_id":"l1","scope":"openid","exp":)",
             absl::ToUnixSeconds(clock_.Now()) + 60, "}"));
  const TokenAnswer answer = Learn(token);
  EXPECT_EQ(answer.state, State::kRefused);
  EXPECT_EQ(answer.reason, Reason::kTokenInvalid);
  EXPECT_EQ(server_.asked, 0);
}

TEST_F(TokenBinderTest, AnUnknownKeyIsRefusedUntilTheKeysMayBeAskedForAgain) {
  const std::string token = Token(R"(,"scope":"openid")", kIssuer, "k2");
  EXPECT_EQ(Learn(token).state, State::kRefused);
  EXPECT_EQ(server_.fetches, 1);
  clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(binder().Find(token).state, State::kUnknown);
  EXPECT_EQ(Learn(token).state, State::kRefused);
  EXPECT_EQ(server_.fetches, 2);
  EXPECT_EQ(server_.asked, 0);
}

TEST_F(TokenBinderTest, WhatWasLearnedHoldsForAWhileAndNeverPastTheEnd) {
  options_.cache = absl::Minutes(10);
  const std::string token = Token();
  EXPECT_EQ(Learn(token).state, State::kBound);
  clock_.Advance(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_EQ(binder().Find(token).state, State::kBound);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(binder().Find(token).state, State::kUnknown);
  // Bound again just before it ends.
  clock_.Advance(absl::Minutes(50) - absl::Seconds(1));
  EXPECT_EQ(Learn(token).state, State::kBound);
  clock_.Advance(absl::Seconds(1));
  const TokenAnswer answer = binder().Find(token);
  EXPECT_EQ(answer.state, State::kRefused);
  EXPECT_THAT(answer.message, HasSubstr("ended"));
}

TEST_F(TokenBinderTest, AClockThatIsSetForwardEndsATokenAtOnce) {
  const std::string token = Token();
  EXPECT_EQ(Learn(token).state, State::kBound);
  clock_.SetNow(clock_.Now() + absl::Hours(2));
  EXPECT_EQ(binder().Find(token).state, State::kRefused);
}

TEST_F(TokenBinderTest, ARevokedLoginIsRefusedOnceTheServerIsAskedAgain) {
  const std::string token = Token();
  EXPECT_EQ(Learn(token).state, State::kBound);
  server_.login_status = absl::UnauthenticatedError("401");
  EXPECT_EQ(binder().Find(token).state, State::kBound);
  EXPECT_EQ(Resolve(token, /*anew=*/true), absl::OkStatus());
  TokenAnswer answer = binder().Find(token);
  EXPECT_EQ(answer.state, State::kRefused);
  EXPECT_EQ(answer.reason, Reason::kTokenInvalid);
}

TEST_F(TokenBinderTest,
       AMemberWhoCannotBeAuthenticatedIsAnsweredAsMedplumDoes) {
  server_.login_status = absl::InvalidArgumentError("400");
  const TokenAnswer answer = Learn(Token());
  EXPECT_EQ(answer.state, State::kRefused);
  EXPECT_EQ(answer.reason, Reason::kSubjectIncomplete);
  EXPECT_EQ(answer.medplum_http_status, 400);
}

TEST_F(TokenBinderTest, WhereTheServerIsAwayThereIsNoAnswerAndNoFlood) {
  struct Case {
    const char* name;
    absl::Status keys;
    absl::Status login;
  };
  const Case kCases[] = {
      {"keys", absl::UnavailableError("away"), absl::OkStatus()},
      {"keys that are none", absl::DataLossError("html"), absl::OkStatus()},
      {"login", absl::OkStatus(), absl::UnavailableError("away")},
      {"login that is none", absl::OkStatus(), absl::DataLossError("html")},
      {"404", absl::OkStatus(), absl::NotFoundError("404")},
      {"redirect", absl::OkStatus(), absl::FailedPreconditionError("302")}};
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    FakeServer server;
    server.keys_status = c.keys;
    server.login_status = c.login;
    TokenBinder binder(
        {.lookup = {.issuer = std::string(kIssuer), .clock = &clock_}}, server,
        nullptr);
    const std::string token = Token();
    std::promise<absl::Status> done;
    binder.Resolve(token, false,
                   [&](const absl::Status& status) { done.set_value(status); });
    EXPECT_TRUE(absl::IsUnavailable(done.get_future().get()));
    EXPECT_EQ(binder.Find(token).state, State::kUnavailable);
    clock_.Advance(TokenBinder::kUnavailableHold);
    EXPECT_EQ(binder.Find(token).state, State::kUnknown);
  }
}

TEST_F(TokenBinderTest, WhatIsKnownHoldsWhileTheServerIsAway) {
  const std::string token = Token();
  EXPECT_EQ(Learn(token).state, State::kBound);
  server_.login_status = absl::UnavailableError("away");
  // Who wants it anew is told that it could not be had.
  EXPECT_TRUE(absl::IsUnavailable(Resolve(token, /*anew=*/true)));
  EXPECT_EQ(binder().Find(token).state, State::kBound);
  clock_.Advance(options_.cache);
  EXPECT_EQ(binder().Find(token).state, State::kUnknown);
}

TEST_F(TokenBinderTest, AnAnswerThatNamesNoMembershipIsNone) {
  const LoginInfo kInfos[] = {
      {.project = "p1", .access_policy = kPolicy},
      {.membership = "ProjectMembership/m1", .access_policy = kPolicy},
      {.project = "p1",
       .membership = "Practitioner/x",
       .access_policy = kPolicy}};
  for (const LoginInfo& info : kInfos) {
    server_.login = info;
    EXPECT_EQ(Learn(Token()).state, State::kUnavailable);
    clock_.Advance(TokenBinder::kUnavailableHold);
  }
}

TEST_F(TokenBinderTest, ATokenOfAProjectsIssuerIsOfThatProject) {
  const std::string token =
      Token(R"(,"scope":"openid")", "https://a.example/projects/p1/");
  EXPECT_EQ(Learn(token).state, State::kBound);
  EXPECT_EQ(server_.projects.back(), "p1");
  const std::string other =
      Token(R"(,"scope":"openid")", "https://a.example/projects/p2/");
  EXPECT_EQ(Learn(other).state, State::kRefused);
}

TEST_F(TokenBinderTest, WithoutTheLoginAScopeIsNeverGuessed) {
  const struct {
    const char* name;
    const char* claim;
    std::string policy;
  } kCases[] = {{"SMART scope", R"(,"scope":"openid patient/*.rs")", kPolicy},
                {"SMART letters in a wrong order",
                 R"(,"scope":"user/Patient.sr")", kPolicy},
                {"no scope", "", kPolicy},
                {"narrowed policy", R"(,"scope":"openid")",
                 R"({"resource":[{"resourceType":"Patient"}]})"},
                {"no policy", R"(,"scope":"openid")", ""}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    server_.login.access_policy = c.policy;
    clock_.Advance(absl::Hours(1));
    const TokenAnswer answer = Learn(Token(c.claim));
    EXPECT_EQ(answer.state, State::kRefused);
    EXPECT_EQ(answer.reason, Reason::kNotSupported);
  }
}

TEST_F(TokenBinderTest, ScopeAndLaunchAreTheLoginsNotTheTokens) {
  with_logins_ = true;
  PutLogin(
      R"(,"scope":"patient/Patient.rs","launch":{"reference":"SmartAppLaunch/s"})");
  logins_.resources["SmartAppLaunch/s"] =
      R"({"resourceType":"SmartAppLaunch","id":"s","patient":)"
      R"({"reference":"Patient/p"}})";
  const TokenAnswer answer = Learn(Token(R"(,"scope":"user/*.*")"));
  ASSERT_EQ(answer.state, State::kBound) << answer.message;
  EXPECT_EQ(answer.binding->smart_scope, "patient/Patient.rs");
  EXPECT_EQ(answer.binding->launch_patient, "Patient/p");

  // An empty scope is as none.
  PutLogin(R"(,"scope":"")");
  const TokenAnswer unscoped = Learn(Token());
  ASSERT_EQ(unscoped.state, State::kBound) << unscoped.message;
  EXPECT_EQ(unscoped.binding->smart_scope, std::nullopt);
}

TEST_F(TokenBinderTest, ALoginThatMayNotBeReadIsAsNone) {
  with_logins_ = true;
  logins_.status = absl::PermissionDeniedError("403");
  EXPECT_EQ(Learn(Token()).state, State::kBound);
  const TokenAnswer answer = Learn(Token(R"(,"scope":"user/*.*")"));
  EXPECT_EQ(answer.state, State::kRefused);
  EXPECT_EQ(answer.reason, Reason::kNotSupported);
}

TEST_F(TokenBinderTest, ALoginThatDoesNotFitBindsNothing) {
  with_logins_ = true;
  const struct {
    const char* name;
    const char* elements;
    Reason reason;
  } kCases[] = {
      {"revoked", R"(,"revoked":true)", Reason::kTokenInvalid},
      {"scope that is no text", R"(,"scope":["openid"])",
       Reason::kNotSupported},
      {"launch that is none", R"(,"launch":{"reference":"Patient/p"})",
       Reason::kNotSupported},
      {"launch without reference", R"(,"launch":{})", Reason::kNotSupported},
      {"launch that is not there",
       R"(,"launch":{"reference":"SmartAppLaunch/x"})", Reason::kNotSupported},
      {"launch of no patient", R"(,"launch":{"reference":"SmartAppLaunch/y"})",
       Reason::kNotSupported}};
  logins_.resources["SmartAppLaunch/y"] =
      R"({"resourceType":"SmartAppLaunch","id":"y","patient":)"
      R"({"reference":"Group/p"}})";
  const auto expect = [&](Reason reason) {
    clock_.Advance(absl::Hours(1));
    const TokenAnswer answer = Learn(Token());
    EXPECT_EQ(answer.state, State::kRefused);
    EXPECT_EQ(answer.reason, reason) << answer.message;
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    PutLogin(c.elements);
    expect(c.reason);
  }
  PutLogin("");
  server_.login.membership = "ProjectMembership/other";
  expect(Reason::kTokenInvalid);
  logins_.resources.clear();
  expect(Reason::kNotSupported);
  logins_.status = absl::UnavailableError("away");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Learn(Token()).state, State::kUnavailable);
}

TEST_F(TokenBinderTest, AllWhoWaitForATokenShareOneLookUp) {
  const std::string token = Token();
  server_.Hold();
  std::vector<std::promise<absl::Status>> done(10);
  for (auto& one : done) {
    binder().Resolve(token, false, [&one](const absl::Status& status) {
      one.set_value(status);
    });
  }
  server_.Release();
  for (auto& one : done) EXPECT_EQ(one.get_future().get(), absl::OkStatus());
  EXPECT_EQ(server_.asked, 1);
}

TEST_F(TokenBinderTest, WhoWantsItAnewDoesNotShareWhatHasBegun) {
  const std::string token = Token();
  server_.Hold();
  std::promise<absl::Status> first;
  std::promise<absl::Status> second;
  binder().Resolve(token, false,
                   [&](const absl::Status& s) { first.set_value(s); });
  server_.WaitForAsked(1);
  binder().Resolve(token, true,
                   [&](const absl::Status& s) { second.set_value(s); });
  server_.Release();
  EXPECT_EQ(first.get_future().get(), absl::OkStatus());
  EXPECT_EQ(second.get_future().get(), absl::OkStatus());
  EXPECT_EQ(server_.asked, 2);
}

TEST_F(TokenBinderTest, WhatIsKnownAndWhoWaitsIsBounded) {
  options_.max_tokens = 2;
  options_.max_waiting = 1;
  const std::string tokens[] = {Token(R"(,"scope":"a")"),
                                Token(R"(,"scope":"b")"),
                                Token(R"(,"scope":"c")")};
  EXPECT_EQ(Learn(tokens[0]).state, State::kBound);
  EXPECT_EQ(Learn(tokens[1]).state, State::kBound);
  EXPECT_EQ(binder().Find(tokens[0]).state, State::kBound);  // Used last.
  EXPECT_EQ(Learn(tokens[2]).state, State::kBound);
  EXPECT_EQ(binder().Find(tokens[0]).state, State::kBound);
  EXPECT_EQ(binder().Find(tokens[1]).state, State::kUnknown);

  server_.Hold();
  std::promise<absl::Status> done;
  binder().Resolve(tokens[1], false,
                   [&](const absl::Status& s) { done.set_value(s); });
  EXPECT_TRUE(absl::IsResourceExhausted(Resolve(tokens[1])));
  server_.Release();
  EXPECT_EQ(done.get_future().get(), absl::OkStatus());
}

TEST_F(TokenBinderTest, StoppingEndsWhoeverWaits) {
  server_.Hold();
  std::promise<absl::Status> done;
  binder().Resolve(Token(), false,
                   [&](const absl::Status& s) { done.set_value(s); });
  server_.WaitForAsked(1);
  std::thread stop([this] { binder().Stop(); });
  EXPECT_TRUE(absl::IsCancelled(done.get_future().get()));
  server_.Release();
  stop.join();
  EXPECT_TRUE(absl::IsCancelled(Resolve(Token())));
}

}  // namespace
}  // namespace pdp::sync

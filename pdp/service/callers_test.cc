#include "pdp/service/callers.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/service/test_support.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_keys.h"

namespace pdp::service {
namespace {

constexpr char kToken[] = "gateway-gateway-gateway-gateway-1";
constexpr char kOther[] = "billing-billing-billing-billing-1";

CallerSettings Named(std::string name) {
  CallerSettings settings;
  settings.caller.name = std::move(name);
  return settings;
}

CallerSettings OfFile(std::string name, const TempFile& file) {
  CallerSettings settings = Named(std::move(name));
  settings.token_file = file.path();
  return settings;
}

CallerSettings OfThisHost() {
  CallerSettings settings = Named("local");
  settings.from_loopback = true;
  return settings;
}

// The name of whoever makes the call, or why it is nobody.
std::string Who(const Callers& callers, const CallCredentials& credentials) {
  const Callers::Found found = callers.Find(credentials);
  return found.caller != nullptr ? found.caller->name
                                 : std::string(RejectionName(found.rejection));
}

TEST(CallersTest, ALocalPeerIsALoopbackAddressOrAUnixSocket) {
  const struct {
    const char* peer;
    bool is_local;
  } kCases[] = {
      {"ipv4:127.0.0.1:5000", true},
      {"ipv4:127.1.2.3:5000", true},
      {"ipv6:[::1]:5000", true},
      {"ipv6:%5B::1%5D:5000", true},
      {"unix:", true},
      {"unix:/run/pdp.sock", true},
      {"ipv4:128.0.0.1:5000", false},
      {"ipv4:10.0.0.1:5000", false},
      {"ipv4:1.127.0.0:5000", false},
      {"ipv6:[::2]:5000", false},
      {"ipv6:%5B::1:2%5D:5000", false},
      {"ipv6:%5Bfe80::1%5D:5000", false},
      {"ipv4:12", false},
      {"unknown", false},
      {"", false},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(IsLocalPeer(test.peer), test.is_local) << test.peer;
  }
}

TEST(CallersTest, WhatACallShowsDecidesWhoMakesIt) {
  const TempFile gateway(kToken);
  const TempFile billing(kOther);
  const auto callers = Callers::Open(
      {OfFile("gateway", gateway), OfFile("billing", billing), OfThisHost()});
  ASSERT_TRUE(callers.ok()) << callers.status();
  const std::string good = StrCat("Bearer ", kToken);
  const std::string other = StrCat("bearer ", kOther);
  const std::string cut = good.substr(0, good.size() - 1);
  const std::string with_nul = StrCat(good, std::string(1, '\0'));
  const struct {
    const char* name;
    CallCredentials credentials;
    const char* who;
  } kCases[] = {
      {"Token", {"ipv4:10.0.0.1:1", good}, "gateway"},
      {"AnotherToken", {"ipv4:10.0.0.1:1", other}, "billing"},
      {"NoneFromElsewhere", {"ipv4:10.0.0.1:1", {}}, "no_credentials"},
      {"NoneFromHere", {"ipv4:127.0.0.1:1", {}}, "local"},
      // Never taken for whoever shows nothing.
      {"WrongFromHere", {"ipv4:127.0.0.1:1", cut}, "unknown_credentials"},
      {"EmptyFromHere", {"ipv4:127.0.0.1:1", ""}, "unknown_credentials"},
      {"Nothing", {"ipv4:127.0.0.1:1", "Bearer "}, "unknown_credentials"},
      {"Basic", {"unix:", "Basic Z2F0ZXdheTpnYXRld2F5"}, "unknown_credentials"},
      {"WithoutBearer", {"unix:", kToken}, "unknown_credentials"},
      {"WithNul", {"unix:", with_nul}, "unknown_credentials"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(Who(**callers, test.credentials), test.who);
  }
}

TEST(CallersTest, WithoutACallerFromHereNobodyIsTrustedForBeingHere) {
  const TempFile gateway(kToken);
  const auto callers = Callers::Open({OfFile("gateway", gateway)});
  ASSERT_TRUE(callers.ok()) << callers.status();
  EXPECT_EQ(Who(**callers, {"ipv4:127.0.0.1:1", {}}), "no_credentials");
  EXPECT_EQ(Who(**callers, {"unix:", {}}), "no_credentials");
}

TEST(CallersTest, ATokenOfTwoCallersIsNeithers) {
  const TempFile one(kToken);
  const TempFile two(kToken);
  const auto callers = Callers::Open({OfFile("one", one), OfFile("two", two)});
  ASSERT_TRUE(callers.ok()) << callers.status();
  const std::string token = StrCat("Bearer ", kToken);
  EXPECT_EQ(Who(**callers, {"unix:", token}), "unknown_credentials");
}

constexpr char kIssuer[] = "https://login.example.com";

// Tokens of one issuer, and a caller for each audience and subject.
class JwtCallersTest : public ::testing::Test {
 protected:
  CallerSettings OfIssuer(std::string name, std::string audience,
                          std::string subject = "") const {
    CallerSettings settings = Named(std::move(name));
    settings.jwt = {.issuer = kIssuer,
                    .audience = std::move(audience),
                    .subject = std::move(subject),
                    .jwks_file = keys_.path()};
    return settings;
  }
  std::string Token(std::string_view audience, std::string_view subject,
                    absl::Duration lasts = absl::Minutes(1)) const {
    return StrCat(
        "Bearer ",
        key_.Token(R"({"alg":"ES256","kid":"e"})",
                   StrCat(R"({"iss":")", kIssuer, R"(","aud":)", audience,
                          R"(,"sub":")", subject, R"(","exp":)",
                          absl::ToUnixSeconds(clock_.Now() + lasts), "}")));
  }

  const testing::TestKey key_ = testing::TestKey::Ec("P-256");
  const TempFile keys_{StrCat(R"({"keys":[)", key_.Jwk("e"), "]}")};
  FakeClock clock_;
};

TEST_F(JwtCallersTest, IssuerAudienceAndSubjectSayWhoItIs) {
  const auto callers = Callers::Open(
      {OfIssuer("gateway", "pdp", "gateway"), OfIssuer("billing", "pdp", "b"),
       OfIssuer("anybody", "open"), OfThisHost()},
      clock_);
  ASSERT_TRUE(callers.ok()) << callers.status();
  const struct {
    std::string authorization;
    const char* who;
  } kCases[] = {
      {Token(R"("pdp")", "gateway"), "gateway"},
      {Token(R"(["x","pdp"])", "b"), "billing"},
      {Token(R"("open")", "whoever"), "anybody"},
      {Token(R"("pdp")", "another"), "unknown_credentials"},
      {Token(R"("pdp2")", "gateway"), "unknown_credentials"},
      {Token("[]", "gateway"), "unknown_credentials"},
      {Token("7", "gateway"), "unknown_credentials"},
      // It may be of either.
      {Token(R"(["pdp","open"])", "gateway"), "unknown_credentials"},
  };
  for (int round = 0; round < 2; ++round) {  // Again, when they are known.
    for (const auto& test : kCases) {
      SCOPED_TRACE(test.who);
      EXPECT_EQ(Who(**callers, {"unix:", test.authorization}), test.who);
    }
  }
}

TEST_F(JwtCallersTest, AKnownTokenEndsWhenItEndsOrItsKeyIsGone) {
  const auto callers = Callers::Open({OfIssuer("gateway", "pdp")}, clock_);
  ASSERT_TRUE(callers.ok()) << callers.status();
  const std::string token = Token(R"("pdp")", "g");
  EXPECT_EQ(Who(**callers, {"unix:", token}), "gateway");
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(Who(**callers, {"unix:", token}), "gateway");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Who(**callers, {"unix:", token}), "unknown_credentials");

  const std::string later = Token(R"("pdp")", "g");
  EXPECT_EQ(Who(**callers, {"unix:", later}), "gateway");
  keys_.Write(
      StrCat(R"({"keys":[)", testing::TestKey::Ec("P-256").Jwk("e"), "]}"));
  (*callers)->Reload();
  EXPECT_EQ(Who(**callers, {"unix:", later}), "unknown_credentials");
}

TEST(CallersTest, ACallerMakesNoMoreCallsThanItMay) {
  FakeClock clock;
  CallerSettings other = Named("other");
  const TempFile file(kToken);
  other.token_file = file.path();
  const auto callers =
      Callers::Open({OfThisHost(), other}, clock, /*calls_per_second=*/10);
  ASSERT_TRUE(callers.ok()) << callers.status();
  const Caller& local = *(*callers)->Find({"unix:", {}}).caller;
  const std::string shown = StrCat("Bearer ", kToken);
  const Caller& another = *(*callers)->Find({"unix:", shown}).caller;
  const auto taken = [&](const Caller& caller) {
    int count = 0;
    while ((*callers)->TakeCall(caller)) ++count;
    return count;
  };
  EXPECT_EQ(taken(local), 10);
  EXPECT_EQ(taken(another), 10);  // Each its own.
  clock.Advance(absl::Milliseconds(500));
  EXPECT_EQ(taken(local), 5);
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(taken(local), 10);
}

TEST(CallersTest, AFileThatCannotBeUsedIsNamedAndStopsTheStart) {
  CallerSettings settings = Named("gateway");
  settings.token_file = "/no/such/file";
  const auto callers = Callers::Open({settings});
  ASSERT_FALSE(callers.ok());
  EXPECT_EQ(callers.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ToStd(callers.status().message())
                  .starts_with("callers[0].token-file: the secret file "
                               "`/no/such/file` cannot be read"));
}

TEST(CallersTest, ReloadTakesNewTokensAndGivesUpOldOnes) {
  const TempFile gateway(kToken);
  const auto callers = Callers::Open({OfFile("gateway", gateway)});
  ASSERT_TRUE(callers.ok()) << callers.status();
  const std::string old = StrCat("Bearer ", kToken);
  const std::string fresh = StrCat("Bearer ", kOther);
  gateway.Write(kOther);
  (*callers)->Reload();
  EXPECT_EQ(Who(**callers, {"unix:", fresh}), "gateway");
  EXPECT_EQ(Who(**callers, {"unix:", old}), "unknown_credentials");
  gateway.Write("");
  (*callers)->Reload();
  EXPECT_EQ(Who(**callers, {"unix:", fresh}), "unknown_credentials");
  gateway.Write(kOther);
  (*callers)->Reload();
  EXPECT_EQ(Who(**callers, {"unix:", fresh}), "gateway");
}

}  // namespace
}  // namespace pdp::service

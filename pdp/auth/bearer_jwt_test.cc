#include "pdp/auth/bearer_jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "pdp/base/strings.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_keys.h"

namespace pdp::auth {
namespace {

using ::pdp::testing::TestKey;
using ::testing::ElementsAre;

constexpr char kIssuer[] = "https://login.example.com";
constexpr int64_t kNow = 1'700'000'000;

class BearerJwtTest : public ::testing::Test {
 protected:
  BearerJwtTest() { keys_ = *KeySource::OpenFile(file_.path()); }

  JwtVerdict Verify(const std::string& token) const {
    return VerifyJwt(token, kIssuer, *keys_, absl::FromUnixSeconds(kNow));
  }
  static std::string Claims(std::string_view more = "") {
    return StrCat(R"({"iss":")", kIssuer, R"(","aud":["pdp","other"],)",
                  R"("sub":"gateway","exp":)", kNow + 60, more, "}");
  }

  const TestKey rsa_ = TestKey::Rsa();
  const TestKey ec_ = TestKey::Ec("P-256");
  const TempFile file_{
      StrCat(R"({"keys":[)", rsa_.Jwk("r"), ",", ec_.Jwk("e"), "]}")};
  std::unique_ptr<KeySource> keys_;
};

TEST_F(BearerJwtTest, WhatTheIssuerSignedAndIsInForceIsGood) {
  for (const auto& [key, header] :
       {std::pair{&rsa_, R"({"alg":"RS256","kid":"r","typ":"JWT"})"},
        std::pair{&ec_, R"({"alg":"ES256","kid":"e","typ":"at+jwt"})"},
        std::pair{&ec_, R"({"alg":"ES256","kid":"e"})"}}) {
    SCOPED_TRACE(header);
    const JwtVerdict verdict = Verify(key->Token(header, Claims()));
    EXPECT_EQ(verdict.state, JwtVerdict::State::kGood);
    EXPECT_THAT(verdict.claims.audiences, ElementsAre("pdp", "other"));
    EXPECT_EQ(verdict.claims.subject, "gateway");
    EXPECT_EQ(verdict.claims.expires, absl::FromUnixSeconds(kNow + 60));
  }
}

TEST_F(BearerJwtTest, AnythingElseIsNot) {
  constexpr char kHeader[] = R"({"alg":"ES256","kid":"e"})";
  const TestKey another = TestKey::Ec("P-256");
  const std::string good = ec_.Token(kHeader, Claims());
  const std::string none =
      StrCat(medplum::EncodeBase64Url(R"({"alg":"none","kid":"e"})"), ".",
             medplum::EncodeBase64Url(Claims()), ".");
  const struct {
    const char* name;
    std::string token;
  } kCases[] = {
      {"Empty", ""},
      {"OneByteLess", good.substr(0, good.size() - 1)},
      {"NoAlgorithm", none},
      {"NoAlgorithmButASignature", StrCat(none, "AAAA")},
      // A symmetric algorithm would take the public key for a secret.
      {"AnotherAlgorithm", ec_.Token(R"({"alg":"HS256","kid":"e"})", Claims())},
      {"TheOtherKeysAlgorithm",
       ec_.Token(R"({"alg":"RS256","kid":"e"})", Claims())},
      {"TheOtherKeysName", ec_.Token(R"({"alg":"RS256","kid":"r"})", Claims())},
      {"AnotherKey", another.Token(kHeader, Claims())},
      {"UnknownKey", ec_.Token(R"({"alg":"ES256","kid":"x"})", Claims())},
      {"NoKey", ec_.Token(R"({"alg":"ES256"})", Claims())},
      {"ItsOwnKey", another.Token(StrCat(R"({"alg":"ES256","kid":"e","jwk":)",
                                         another.Jwk("e"), "}"),
                                  Claims())},
      {"AnExtension",
       ec_.Token(R"({"alg":"ES256","kid":"e","crit":["b64"]})", Claims())},
      {"AnIdToken",
       ec_.Token(R"({"alg":"ES256","kid":"e","typ":"id+jwt"})", Claims())},
      {"AnotherIssuer",
       ec_.Token(kHeader, StrCat(R"({"iss":"https://login.example.com/",)",
                                 R"("exp":)", kNow + 60, "}"))},
      {"TwoIssuers",
       ec_.Token(kHeader, Claims(R"(,"iss":"https://evil.example.com")"))},
      {"Ended", ec_.Token(kHeader, StrCat(R"({"iss":")", kIssuer, R"(","exp":)",
                                          kNow, "}"))},
      {"WithoutAnEnd",
       ec_.Token(kHeader, StrCat(R"({"iss":")", kIssuer, R"("})"))},
      {"NotBegun", ec_.Token(kHeader, Claims(StrCat(R"(,"nbf":)", kNow + 31)))},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(Verify(test.token).state, JwtVerdict::State::kBad);
  }
  // The clocks of issuers differ a little.
  EXPECT_EQ(
      Verify(ec_.Token(kHeader, Claims(StrCat(R"(,"nbf":)", kNow + 30)))).state,
      JwtVerdict::State::kGood);
}

TEST_F(BearerJwtTest, AKeyThatTheFileHasNoMoreVerifiesNothing) {
  const std::string token = ec_.Token(R"({"alg":"ES256","kid":"e"})", Claims());
  const uint64_t generation = keys_->generation();
  file_.Write("{}");
  EXPECT_FALSE(keys_->Reload().ok());
  EXPECT_EQ(Verify(token).state, JwtVerdict::State::kGood);
  file_.Write(StrCat(R"({"keys":[)", rsa_.Jwk("r"), "]}"));
  EXPECT_TRUE(keys_->Reload().ok());
  EXPECT_GT(keys_->generation(), generation);
  EXPECT_EQ(Verify(token).state, JwtVerdict::State::kBad);
}

TEST_F(BearerJwtTest, AnUnknownKeyIsFetchedButNotForEachThatAsks) {
  std::atomic<int> fetches = 0;
  const auto keys = KeySource::OpenFetched(
      [&]() -> absl::StatusOr<medplum::KeySet> {
        if (++fetches == 1) return absl::UnavailableError("away");
        return medplum::ParseKeySet(StrCat(R"({"keys":[)", ec_.Jwk("e"), "]}"));
      },
      [] {}, /*min_interval=*/absl::Milliseconds(200));
  const std::string token = ec_.Token(R"({"alg":"ES256","kid":"e"})", Claims());
  const auto state = [&] {
    return VerifyJwt(token, kIssuer, *keys, absl::FromUnixSeconds(kNow)).state;
  };
  while (state() != JwtVerdict::State::kGood) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_EQ(fetches, 2);
  // Asked for a thousand keys that nobody has, it does not ask the issuer a
  // thousand times.
  for (int i = 0; i < 1'000; ++i) keys->Find(StrCat("no-", i));
  EXPECT_LT(fetches, 100);
}

}  // namespace
}  // namespace pdp::auth

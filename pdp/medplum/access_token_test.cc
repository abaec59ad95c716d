#include "pdp/medplum/access_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/medplum/jwks.h"
#include "pdp/medplum/jwt.h"
#include "tests/support/test_keys.h"

namespace pdp::medplum {
namespace {

using pdp::testing::KeySetOf;
using pdp::testing::TestKey;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kIssuer = "https://a.example/";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

const TestKey& RsaKey() {
  static const TestKey key = TestKey::Rsa();
  return key;
}
const TestKey& P256Key() {
  static const TestKey key = TestKey::Ec("P-256");
  return key;
}
const TestKey& P384Key() {
  static const TestKey key = TestKey::Ec("P-384");
  return key;
}

KeySet Keys() {
  return *ParseKeySet(KeySetOf(
      {RsaKey().Jwk("rsa"), P256Key().Jwk("p256"), P384Key().Jwk("p384")}));
}

// What stands between the braces of good claims.
constexpr std::string_view kClaims =
    R"("iss":"https://a.example/","aud":"https://a.example/",)"
    R"("login_id":"login-1","sub":"user-1","client_id":"c1","scope":"openid",)"
    R"("profile":"Practitioner/p","iat":1699999000,"nbf":1699999000,)"
    R"("exp":1700000600)";

std::string Claims(std::string_view more = "") {
  return StrCat("{", kClaims, more, "}");
}

// kClaims with `from` replaced by `to`.
std::string Changed(std::string_view from, std::string_view to) {
  std::string text = Claims();
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// As a decision point goes about it.
absl::Status Check(std::string_view token, absl::Time now = kNow) {
  const auto read = ReadAccessToken(token);
  if (!read.ok()) return read.status();
  if (absl::Status status = CheckClaims(read->claims, kIssuer, now);
      !status.ok()) {
    return status;
  }
  const KeySet keys = Keys();
  const auto key = keys.find(read->key_id);
  if (key == keys.end()) return absl::UnauthenticatedError("no such key");
  return CheckSignature(*read, key->second);
}

constexpr std::string_view kRsaHeader =
    R"({"alg":"RS256","typ":"JWT","kid":"rsa"})";

TEST(AccessTokenTest, TakesWhatTheServerSigns) {
  EXPECT_EQ(Check(RsaKey().Token(kRsaHeader, Claims())), absl::OkStatus());
  EXPECT_EQ(Check(P256Key().Token(R"({"alg":"ES256","kid":"p256"})", Claims())),
            absl::OkStatus());
  const std::string token =
      P384Key().Token(R"({"alg":"ES384","typ":"JWT","kid":"p384"})", Claims());
  EXPECT_EQ(Check(token), absl::OkStatus());
  const auto read = ReadAccessToken(token);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->claims.login, "login-1");
  EXPECT_EQ(read->claims.scope, "openid");
  EXPECT_EQ(read->claims.expires, absl::FromUnixSeconds(1'700'000'600));
}

TEST(AccessTokenTest, RefusesClaimsThatAreNotOfAnAccessToken) {
  struct Case {
    const char* name;
    std::string claims;
    const char* why;
  };
  const Case kCases[] = {
      {"refresh token", Claims(R"(,"refresh_secret":"s")"), "refresh token"},
      {"WebSocket token", Claims(R"(,"subscription_id":"s")"), "WebSocket"},
      {"WebSocket token of a member", Claims(R"(,"membership_id":"m")"),
       "WebSocket"},
      {"ID token", Changed(R"("aud":"https://a.example/")", R"("aud":"c1")"),
       "audience"},
      {"no audience", Changed(R"("aud":"https://a.example/",)", ""),
       "audience"},
      {"a list of audiences",
       Changed(R"("aud":"https://a.example/")",
               R"("aud":["https://a.example/"])"),
       "audience"},
      {"no issuer", Changed(R"("iss":"https://a.example/",)", ""), "issuer"},
      {"another issuer",
       StrCat(R"({"iss":"https://b.example/","aud":"https://b.example/",)",
              R"("login_id":"l","exp":1700000600})"),
       "another issuer"},
      {"an issuer without its slash",
       StrCat(R"({"iss":"https://a.example","aud":"https://a.example",)",
              R"("login_id":"l","exp":1700000600})"),
       "another issuer"},
      {"an issuer that only begins alike",
       StrCat(R"({"iss":"https://a.example/x/","aud":"https://a.example/x/",)",
              R"("login_id":"l","exp":1700000600})"),
       "another issuer"},
      {"no login", Changed(R"("login_id":"login-1",)", ""), "no login"},
      {"a login that is no id", Changed("login-1", "../x"), "no login"},
      {"no end", Changed(R"(,"exp":1700000600)", ""), "no end"},
      {"an end in text", Changed("1700000600", R"("1700000600")"), "no time"},
      {"an end past all bounds", Changed("1700000600", "1e300"), "no time"},
      {"ended", Changed("1700000600", "1700000000"), "has ended"},
      {"not begun", Changed(R"("nbf":1699999000)", R"("nbf":1700000001)"),
       "not valid yet"},
      {"a claim twice", Claims(R"(,"exp":1800000000)"), "malformed"},
      {"a claim twice by an escape", Claims(R"(,"\u0065xp":1800000000)"),
       "malformed"},
      {"a scope that is no text",
       Changed(R"("scope":"openid")", R"("scope":["openid"])"), "scope"},
      {"no object", "[]", "malformed"},
      {"no JSON", "{", "malformed"},
      {"more than one", Claims() + "{}", "malformed"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const absl::Status status = Check(RsaKey().Token(kRsaHeader, c.claims));
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.why));
  }
}

TEST(AccessTokenTest, LeavesNoLeewayForClocks) {
  const std::string token = RsaKey().Token(kRsaHeader, Claims());
  const absl::Time end = absl::FromUnixSeconds(1'700'000'600);
  EXPECT_EQ(Check(token, end - absl::Milliseconds(1)), absl::OkStatus());
  EXPECT_FALSE(Check(token, end).ok());
  const absl::Time begin = absl::FromUnixSeconds(1'699'999'000);
  EXPECT_EQ(Check(token, begin), absl::OkStatus());
  EXPECT_FALSE(Check(token, begin - absl::Milliseconds(1)).ok());
}

TEST(AccessTokenTest, TheKeySaysHowItSigns) {
  struct Case {
    const char* name;
    std::string token;
  };
  const auto unsigned_text = [](std::string_view header) {
    return StrCat(EncodeBase64Url(header), ".", EncodeBase64Url(Claims()));
  };
  const auto hmac = [&](std::string_view header, std::string_view secret) {
    const std::string text = unsigned_text(header);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         bytes, &size);
    return StrCat(
        text, ".",
        EncodeBase64Url({reinterpret_cast<const char*>(bytes), size}));
  };
  const Case kCases[] = {
      {"HS256 under the RSA key's public half",
       hmac(R"({"alg":"HS256","kid":"rsa"})", RsaKey().members())},
      {"HS256 that says RS256", hmac(kRsaHeader, RsaKey().members())},
      {"none", unsigned_text(R"({"alg":"none","kid":"rsa"})") + "."},
      {"none with something",
       unsigned_text(R"({"alg":"none","kid":"rsa"})") + ".eA"},
      {"RS256 without a signature", unsigned_text(kRsaHeader) + "."},
      {"an EC signature under the RSA key's name",
       P256Key().Token(R"({"alg":"ES256","kid":"rsa"})", Claims())},
      {"an EC signature that says RS256",
       P256Key().Token(kRsaHeader, Claims())},
      {"an RSA signature under the EC key's name",
       RsaKey().Token(R"({"alg":"RS256","kid":"p256"})", Claims())},
      {"ES384 that says ES256",
       P384Key().Token(R"({"alg":"ES256","kid":"p384"})", Claims())},
      {"a good signature that says RS512",
       RsaKey().Token(R"({"alg":"RS512","kid":"rsa"})", Claims())},
      {"a good signature without alg",
       RsaKey().Token(R"({"kid":"rsa"})", Claims())},
      {"alg in another case",
       RsaKey().Token(R"({"alg":"rs256","kid":"rsa"})", Claims())},
      {"another key of the same kind",
       TestKey::Ec("P-256").Token(R"({"alg":"ES256","kid":"p256"})", Claims())},
      {"a key of the token's own",
       TestKey::Ec("P-256").Token(
           R"({"alg":"ES256","kid":"p256","jku":"https://b.example/"})",
           Claims())},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const absl::Status status = Check(c.token);
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  }
}

TEST(AccessTokenTest, RefusesHeadersThatAreNotUnderstood) {
  const char* const kHeaders[] = {
      R"({"alg":"RS256"})",
      R"({"alg":"RS256","kid":""})",
      R"({"alg":"RS256","kid":7})",
      R"({"alg":"RS256","kid":"rsa","crit":["b64"],"b64":false})",
      R"({"alg":"RS256","kid":"rsa","crit":[]})",
      R"({"alg":"RS256","kid":"rsa","typ":"JWE"})",
      R"({"alg":"none","kid":"rsa","alg":"RS256"})",
      R"({"alg":"RS256","kid":"x","kid":"rsa"})",
      R"("RS256")",
      "",
  };
  for (const char* const header : kHeaders) {
    SCOPED_TRACE(header);
    EXPECT_TRUE(
        absl::IsUnauthenticated(Check(RsaKey().Token(header, Claims()))));
  }
}

TEST(AccessTokenTest, RefusesWhatIsNotInTheOneForm) {
  const std::string good = RsaKey().Token(kRsaHeader, Claims());
  ASSERT_EQ(Check(good), absl::OkStatus());
  const size_t first = good.find('.');
  const std::string kBad[] = {
      "",
      ".",
      "..",
      "...",
      "a.b.c",
      good.substr(0, good.rfind('.')),
      good + ".",
      good + "=",
      good + "A",
      good + "\n",
      " " + good,
      "Bearer " + good,
      good.substr(0, first) + "=" + good.substr(first),
      good.substr(0, first + 1) + "\n" + good.substr(first + 1),
      good.substr(0, 10) + "+" + good.substr(11),
      good.substr(0, 10) + "/" + good.substr(11),
      good.substr(0, 10) + std::string(1, '\0') + good.substr(11),
      good.substr(0, good.size() - 1),
      std::string(kMaxTokenBytes + 1, 'a'),
      RsaKey().Token(
          kRsaHeader,
          Claims(StrCat(R"(,"x":")", std::string(16 << 10, 'x'), "\""))),
  };
  for (const std::string& bad : kBad) {
    SCOPED_TRACE(bad.substr(0, 40));
    EXPECT_TRUE(absl::IsUnauthenticated(Check(bad)));
  }
}

// The last character of base64 may have bits that mean nothing.
TEST(AccessTokenTest, ASignatureHasOneSpelling) {
  const std::string good =
      P256Key().Token(R"({"alg":"ES256","kid":"p256"})", Claims());
  ASSERT_EQ(Check(good), absl::OkStatus());
  // 64 bytes: of the last character the low four bits.
  for (const char last : std::string_view("BCDRSTh3_-")) {
    std::string other = good;
    if (other.back() == last) continue;
    other.back() = last;
    EXPECT_FALSE(Check(other).ok()) << last;
  }
}

TEST(AccessTokenTest, AnyChangeOfASignedTextIsSeen) {
  const std::string good =
      P384Key().Token(R"({"alg":"ES384","kid":"p384"})", Claims());
  for (size_t at = 0; at < good.size(); at += 7) {
    if (good[at] == '.') continue;
    std::string other = good;
    other[at] = other[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Check(other).ok()) << at;
  }
}

TEST(AccessTokenTest, MessagesHaveNoPartOfTheToken) {
  const std::string token = RsaKey().Token(
      kRsaHeader, Changed("https://a.example/", "https://hunter2.example/"));
  EXPECT_THAT(Check(token).ToString(), Not(HasSubstr("hunter2")));
}

TEST(AccessTokenTest, AProjectHasAnIssuerOfItsOwn) {
  struct Case {
    const char* issuer;
    const char* project;  // Null: refused.
  };
  const Case kCases[] = {
      {"https://a.example/", ""},
      {"https://a.example/projects/p1/", "p1"},
      {"https://a.example/projects/p1", nullptr},
      {"https://a.example/projects//", nullptr},
      {"https://a.example/projects/p1/x/", nullptr},
      {"https://a.example/projects/../", nullptr},
      {"https://a.example.b/projects/p1/", nullptr},
      {"", nullptr},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.issuer);
    const auto project = ProjectOfIssuer({.issuer = c.issuer}, kIssuer);
    EXPECT_EQ(project.ok(), c.project != nullptr);
    if (!project.ok() || c.project == nullptr) continue;
    EXPECT_EQ(*project, c.project);
  }
}

TEST(ParseKeySetTest, LeavesOutWhatCannotCheckASignature) {
  const std::string p256 = P256Key().members();
  const auto jwk = [](std::string_view text) { return StrCat("{", text, "}"); };
  const TestKey small = TestKey::Rsa(1024);
  const std::string off_curve =
      R"("kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE")";
  struct Case {
    const char* name;
    std::string key;
  };
  const Case kCases[] = {
      {"no kid", jwk(p256)},
      {"a kid that is no text", jwk(StrCat(R"("kid":1,)", p256))},
      {"for encryption", jwk(StrCat(R"("kid":"k","use":"enc",)", p256))},
      {"of another algorithm", P256Key().Jwk("k", R"(,"alg":"RS256")")},
      {"of an algorithm that is none", P256Key().Jwk("k", R"(,"alg":"none")")},
      {"symmetric", R"({"kid":"k","kty":"oct","k":"c2VjcmV0"})"},
      {"RSA that is too small", small.Jwk("k")},
      {"EC of another curve", TestKey::Ec("P-521").Jwk("k")},
      {"a point that is not on the curve",
       jwk(StrCat(R"("kid":"k",)", off_curve))},
      {"a member twice", jwk(StrCat(R"("kid":"k","kty":"RSA",)", p256))},
      {"an exponent of 1", StrCat(R"({"kid":"k","kty":"RSA","n":")",
                                  std::string(343, '_'), R"(","e":"AQ"})")},
      {"nothing", "{}"},
      {"no object", "7"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto keys = ParseKeySet(KeySetOf({RsaKey().Jwk("rsa"), c.key}));
    ASSERT_TRUE(keys.ok()) << keys.status();
    EXPECT_EQ(keys->size(), 1u);
    EXPECT_TRUE(keys->contains("rsa"));
  }
}

TEST(ParseKeySetTest, ANameOfTwoKeysIsNoKeys) {
  const auto keys =
      ParseKeySet(KeySetOf({P256Key().Jwk("k"), TestKey::Ec("P-256").Jwk("k"),
                            RsaKey().Jwk("rsa")}));
  ASSERT_TRUE(keys.ok());
  EXPECT_FALSE(keys->contains("k"));
  EXPECT_TRUE(keys->contains("rsa"));
}

TEST(ParseKeySetTest, RefusesWhatIsNoKeySet) {
  const std::string kBad[] = {"",
                              "[]",
                              "{}",
                              R"({"keys":{}})",
                              R"({"keys":[],"keys":[]})",
                              "<html>",
                              std::string(300 * 1024, ' ')};
  for (const std::string& text : kBad) {
    EXPECT_TRUE(absl::IsDataLoss(ParseKeySet(text).status()))
        << text.substr(0, 40);
  }
  EXPECT_TRUE(ParseKeySet(R"({"keys":[]})").ok());
}

}  // namespace
}  // namespace pdp::medplum

#include "pdp/medplum/client_assertion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::medplum {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key Own(EVP_PKEY* key) { return Key(key, &EVP_PKEY_free); }

std::string ToPem(const Key& key, const EVP_CIPHER* cipher = nullptr) {
  BIO* const bio = BIO_new(BIO_s_mem());
  char passphrase[] = "passphrase";
  EXPECT_EQ(
      PEM_write_bio_PrivateKey(bio, key.get(), cipher,
                               reinterpret_cast<unsigned char*>(passphrase),
                               cipher == nullptr ? 0 : 10, nullptr, nullptr),
      1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string Unescape(absl::string_view text) {
  std::string bytes;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(text, &bytes));
  return bytes;
}

// The DER that OpenSSL verifies, of a signature as JOSE has it.
std::string ToDer(const std::string& jose) {
  const size_t half = jose.size() / 2;
  const auto* const data = reinterpret_cast<const unsigned char*>(jose.data());
  ECDSA_SIG* const signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, BN_bin2bn(data, static_cast<int>(half), nullptr),
                 BN_bin2bn(data + half, static_cast<int>(half), nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature, &der);
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  ECDSA_SIG_free(signature);
  return text;
}

bool Verifies(const Key& key, const EVP_MD* digest, const std::string& text,
              const std::string& signature) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key.get());
  const int result = EVP_DigestVerify(
      context, reinterpret_cast<const unsigned char*>(signature.data()),
      signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
      text.size());
  EVP_MD_CTX_free(context);
  return result == 1;
}

const AssertionClaims kClaims = {.client_id = "c1",
                                 .audience = "https://a.example/oauth2/token",
                                 .key_id = "k1",
                                 .now = absl::FromUnixSeconds(1'700'000'000)};

TEST(ClientAssertionTest, IsSignedAsTheKeyIs) {
  struct Case {
    const char* algorithm;
    Key key;
    const EVP_MD* digest;
    size_t signature_bytes;
  };
  std::vector<Case> cases;
  cases.push_back({"RS256", Own(EVP_RSA_gen(2048)), EVP_sha256(), 256});
  cases.push_back({"ES256", Own(EVP_EC_gen("P-256")), EVP_sha256(), 64});
  cases.push_back({"ES384", Own(EVP_EC_gen("P-384")), EVP_sha384(), 96});
  for (const Case& test : cases) {
    SCOPED_TRACE(test.algorithm);
    const auto jwt = SignClientAssertion(ToPem(test.key), kClaims);
    ASSERT_TRUE(jwt.ok()) << jwt.status();
    const std::vector<std::string> parts = absl::StrSplit(*jwt, '.');
    ASSERT_EQ(parts.size(), 3u);
    EXPECT_EQ(Unescape(parts[0]), StrCat(R"({"alg":")", test.algorithm,
                                         R"(","typ":"JWT","kid":"k1"})"));
    const std::string signature = Unescape(parts[2]);
    ASSERT_EQ(signature.size(), test.signature_bytes);
    EXPECT_TRUE(
        Verifies(test.key, test.digest, parts[0] + "." + parts[1],
                 test.signature_bytes == 256 ? signature : ToDer(signature)));
  }
}

TEST(ClientAssertionTest, NumbersThatBeginWithZeroBytesKeepTheirLength) {
  const Key key = Own(EVP_EC_gen("P-256"));
  const std::string pem = ToPem(key);
  bool found = false;
  while (!found) {  // One in 128.
    const std::string jwt = *SignClientAssertion(pem, kClaims);
    const std::vector<std::string> parts = absl::StrSplit(jwt, '.');
    const std::string signature = Unescape(parts[2]);
    ASSERT_EQ(signature.size(), 64u);
    found = signature[0] == '\0' || signature[32] == '\0';
    if (!found) continue;
    EXPECT_TRUE(Verifies(key, EVP_sha256(), parts[0] + "." + parts[1],
                         ToDer(signature)));
  }
}

TEST(ClientAssertionTest, SaysWhoItIsForFiveMinutes) {
  const std::string pem = ToPem(Own(EVP_EC_gen("P-256")));
  std::string last;
  for (int i = 0; i < 2; ++i) {
    const std::string jwt = *SignClientAssertion(pem, kClaims);
    const std::vector<std::string> parts = absl::StrSplit(jwt, '.');
    simdjson::dom::parser parser;
    const std::string payload = Unescape(parts[1]);
    const fhir::JsonElement claims = parser.parse(payload);
    EXPECT_EQ(fhir::StringMember(claims, "iss"), "c1");
    EXPECT_EQ(fhir::StringMember(claims, "sub"), "c1");
    EXPECT_EQ(fhir::StringMember(claims, "aud"),
              "https://a.example/oauth2/token");
    EXPECT_EQ(int64_t{*fhir::Member(claims, "iat")}, 1'700'000'000);
    EXPECT_EQ(int64_t{*fhir::Member(claims, "exp")}, 1'700'000'300);
    const std::string jti(fhir::StringMember(claims, "jti"));
    EXPECT_EQ(jti.size(), 32u);
    EXPECT_NE(jti, last);
    last = jti;
  }
}

TEST(ClientAssertionTest, OtherKeysAreRefused) {
  struct Case {
    const char* name;
    std::string pem;
  };
  const Case cases[] = {
      {"Nothing", ""},
      {"NoKey", "hunter2"},
      {"ShortRsa", ToPem(Own(EVP_RSA_gen(1024)))},
      {"AnotherCurve", ToPem(Own(EVP_EC_gen("P-521")))},
      {"Ed25519", ToPem(Own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")))},
      {"WithAPassphrase", ToPem(Own(EVP_EC_gen("P-256")), EVP_aes_128_cbc())},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    const auto jwt = SignClientAssertion(test.pem, kClaims);
    ASSERT_FALSE(jwt.ok());
    EXPECT_TRUE(absl::IsUnauthenticated(jwt.status()));
    EXPECT_THAT(std::string(jwt.status().message()), Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace pdp::medplum

// Keys that are made for one test, and tokens signed by them.

#ifndef PDP_TESTS_SUPPORT_TEST_KEYS_H_
#define PDP_TESTS_SUPPORT_TEST_KEYS_H_

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/medplum/signature.h"

namespace pdp::testing {

// A private key, and its public half as a JWK.
class TestKey {
 public:
  static TestKey Rsa(unsigned bits = 2048) {
    return TestKey(EVP_RSA_gen(bits));
  }
  // `P-256`, `P-384`, `P-521`.
  static TestKey Ec(const char* curve) {
    return TestKey(EVP_EC_gen(curve), curve);
  }

  const std::string& pem() const { return pem_; }
  // `"kty":...` and what belongs to it.
  const std::string& members() const { return members_; }

  std::string Jwk(std::string_view kid, std::string_view more = "") const {
    return StrCat(R"({"kid":")", kid, R"(","use":"sig",)", members_, more, "}");
  }

  // `header` and `claims` as JSON.
  std::string Token(std::string_view header, std::string_view claims) const {
    const std::string text = StrCat(medplum::EncodeBase64Url(header), ".",
                                    medplum::EncodeBase64Url(claims));
    const auto key = medplum::SignatureKey::FromPrivatePem(pem_);
    if (!key.ok()) std::abort();
    return StrCat(text, ".", medplum::EncodeBase64Url(*key->Sign(text)));
  }

 private:
  explicit TestKey(EVP_PKEY* key, std::string_view curve = "") {
    if (key == nullptr) std::abort();
    if (curve.empty()) {
      members_ =
          StrCat(R"("kty":"RSA","n":")", Number(key, OSSL_PKEY_PARAM_RSA_N, 0),
                 R"(","e":")", Number(key, OSSL_PKEY_PARAM_RSA_E, 0), "\"");
    } else {
      const int width = (EVP_PKEY_get_bits(key) + 7) / 8;
      members_ =
          StrCat(R"("kty":"EC","crv":")", curve, R"(","x":")",
                 Number(key, OSSL_PKEY_PARAM_EC_PUB_X, width), R"(","y":")",
                 Number(key, OSSL_PKEY_PARAM_EC_PUB_Y, width), "\"");
    }
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    pem_.assign(data, static_cast<size_t>(size));
    BIO_free(bio);
    EVP_PKEY_free(key);
  }

  static std::string Number(EVP_PKEY* key, const char* name, int width) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) std::abort();
    if (width == 0) width = BN_num_bytes(number);
    std::string bytes(static_cast<size_t>(width), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), width);
    BN_free(number);
    return medplum::EncodeBase64Url(bytes);
  }

  std::string pem_;
  std::string members_;
};

inline std::string KeySetOf(const std::vector<std::string>& jwks) {
  std::string text = R"({"keys":[)";
  for (const std::string& jwk : jwks) {
    if (text.back() != '[') text += ',';
    text += jwk;
  }
  return text + "]}";
}

}  // namespace pdp::testing

#endif  // PDP_TESTS_SUPPORT_TEST_KEYS_H_

#include "pdp/medplum/client_assertion.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::medplum {
namespace {

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

constexpr int kMinRsaBits = 2048;

struct Algorithm {
  std::string_view name;
  const EVP_MD* digest;
  int coordinate_bytes;  // Of an EC signature's halves; 0 for RSA.
};

std::optional<Algorithm> AlgorithmOf(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
      EVP_PKEY_get_bits(key) >= kMinRsaBits) {
    return Algorithm{"RS256", EVP_sha256(), 0};
  }
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return std::nullopt;
  char group[32] = "";
  EVP_PKEY_get_group_name(key, group, sizeof group, nullptr);
  const std::string_view name = group;
  if (name == "prime256v1") return Algorithm{"ES256", EVP_sha256(), 32};
  if (name == "secp384r1") return Algorithm{"ES384", EVP_sha384(), 48};
  return std::nullopt;
}

absl::Status Fail(std::string_view why) {
  return absl::UnauthenticatedError(StrCat("the private key ", why));
}

// A key with a passphrase is refused rather than asked about on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<Key> ReadKey(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return Fail("cannot be read: a PEM file without a passphrase is needed");
  }
  return key;
}

// JOSE has the two numbers of an EC signature one after the other, each as long
// as a coordinate (RFC 7518, 3.4); OpenSSL has them in DER.
std::optional<std::string> ToJose(const std::vector<unsigned char>& der,
                                  int coordinate_bytes) {
  const unsigned char* data = der.data();
  const EcSignature signature(
      d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  if (signature == nullptr) return std::nullopt;
  std::string jose(static_cast<size_t>(2 * coordinate_bytes), '\0');
  auto* const out = reinterpret_cast<unsigned char*>(jose.data());
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, coordinate_bytes) <
          0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + coordinate_bytes,
                   coordinate_bytes) < 0) {
    return std::nullopt;
  }
  return jose;
}

absl::StatusOr<std::string> Sign(EVP_PKEY* key, const Algorithm& algorithm,
                                 std::string_view text) {
  const Digest digest(EVP_MD_CTX_new());
  const auto* const data = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  if (EVP_DigestSignInit(digest.get(), nullptr, algorithm.digest, nullptr,
                         key) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, data, text.size()) != 1) {
    return Fail("cannot sign");
  }
  std::vector<unsigned char> signature(size);
  if (EVP_DigestSign(digest.get(), signature.data(), &size, data,
                     text.size()) != 1) {
    return Fail("cannot sign");
  }
  signature.resize(size);
  if (algorithm.coordinate_bytes == 0) {
    return std::string(signature.begin(), signature.end());
  }
  auto jose = ToJose(signature, algorithm.coordinate_bytes);
  if (!jose) return Fail("cannot sign");
  return *std::move(jose);
}

std::string Base64(std::string_view text) {
  return absl::WebSafeBase64Escape(ToAbsl(text));
}

}  // namespace

absl::StatusOr<std::string> SignClientAssertion(std::string_view private_key,
                                                const AssertionClaims& claims) {
  PDP_ASSIGN_OR_RETURN(const Key key, ReadKey(private_key));
  const std::optional<Algorithm> algorithm = AlgorithmOf(key.get());
  if (!algorithm) {
    return Fail(
        "is not usable: RSA of at least 2048 bits, or EC on P-256 or P-384, is "
        "needed");
  }
  unsigned char random[16];
  if (RAND_bytes(random, sizeof random) != 1) return Fail("cannot sign");
  const std::string jti = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<char*>(random), sizeof random));

  std::string header =
      StrCat(R"({"alg":)", fhir::QuoteJson(algorithm->name), R"(,"typ":"JWT")");
  if (!claims.key_id.empty()) {
    header += StrCat(R"(,"kid":)", fhir::QuoteJson(claims.key_id));
  }
  header += '}';
  const std::string client = fhir::QuoteJson(claims.client_id);
  const std::string payload =
      StrCat(R"({"iss":)", client, R"(,"sub":)", client, R"(,"aud":)",
             fhir::QuoteJson(claims.audience), R"(,"jti":")", jti,
             R"(","iat":)", absl::ToUnixSeconds(claims.now), R"(,"exp":)",
             absl::ToUnixSeconds(claims.now + kAssertionLifetime), "}");
  const std::string signed_text = StrCat(Base64(header), ".", Base64(payload));
  PDP_ASSIGN_OR_RETURN(const std::string signature,
                       Sign(key.get(), *algorithm, signed_text));
  return StrCat(signed_text, ".", Base64(signature));
}

}  // namespace pdp::medplum

#include "pdp/medplum/signature.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Deleter<kFree>>;
using Bio = Owned<BIO, BIO_free_all>;
using Number = Owned<BIGNUM, BN_free>;
using Digest = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using ParameterBuilder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = Owned<OSSL_PARAM, OSSL_PARAM_free>;

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;  // More takes the server's time.

struct Curve {
  std::string_view name;  // In a JWK.
  const char* group;      // To OpenSSL.
  size_t coordinate_bytes;
  SignatureAlgorithm algorithm;
};
constexpr Curve kCurves[] = {
    {"P-256", "prime256v1", 32, SignatureAlgorithm::kEs256},
    {"P-384", "secp384r1", 48, SignatureAlgorithm::kEs384},
};

// How long each half of an EC signature is; 0 for RSA.
size_t CoordinateBytes(SignatureAlgorithm algorithm) {
  for (const Curve& curve : kCurves) {
    if (curve.algorithm == algorithm) return curve.coordinate_bytes;
  }
  return 0;
}

const EVP_MD* DigestOf(SignatureAlgorithm algorithm) {
  return algorithm == SignatureAlgorithm::kEs384 ? EVP_sha384() : EVP_sha256();
}

std::optional<SignatureAlgorithm> AlgorithmOf(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kMinRsaBits || bits > kMaxRsaBits) return std::nullopt;
    return SignatureAlgorithm::kRs256;
  }
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return std::nullopt;
  char group[32] = "";
  EVP_PKEY_get_group_name(key, group, sizeof group, nullptr);
  for (const Curve& curve : kCurves) {
    if (std::string_view(group) == curve.group) return curve.algorithm;
  }
  return std::nullopt;
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status Fail(std::string_view why) {
  return absl::UnauthenticatedError(StrCat("the private key ", why));
}

// A key with a passphrase is refused rather than asked about on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

// JOSE has the two numbers of an EC signature one after the other, each as long
// as a coordinate (RFC 7518, 3.4); OpenSSL has them in DER.
std::optional<std::string> ToJose(const std::vector<unsigned char>& der,
                                  size_t coordinate_bytes) {
  const unsigned char* data = der.data();
  const EcSignature signature(
      d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  if (signature == nullptr) return std::nullopt;
  std::string jose(2 * coordinate_bytes, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(jose.data());
  const int width = static_cast<int>(coordinate_bytes);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, width) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + width, width) < 0) {
    return std::nullopt;
  }
  return jose;
}

std::optional<std::string> ToDer(std::string_view jose,
                                 size_t coordinate_bytes) {
  if (jose.size() != 2 * coordinate_bytes) return std::nullopt;
  const EcSignature signature(ECDSA_SIG_new());
  const int width = static_cast<int>(coordinate_bytes);
  Number r(BN_bin2bn(Bytes(jose), width, nullptr));
  Number s(BN_bin2bn(Bytes(jose) + width, width, nullptr));
  if (signature == nullptr || r == nullptr || s == nullptr ||
      ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return std::nullopt;
  }
  (void)r.release();  // The signature's now.
  (void)s.release();
  unsigned char* data = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &data);
  if (size <= 0) return std::nullopt;
  std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  return der;
}

// A public key of `type` from its parameters; null where they make none.
EVP_PKEY* MakeKey(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        parameters.get()) != 1) {
    return nullptr;
  }
  return key;
}

// Whether it is a key at all: a point that is on its curve, for one.
bool IsSound(EVP_PKEY* key) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context != nullptr && EVP_PKEY_public_check(context.get()) == 1;
}

}  // namespace

std::string_view AlgorithmName(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kRs256:
      return "RS256";
    case SignatureAlgorithm::kEs256:
      return "ES256";
    case SignatureAlgorithm::kEs384:
      return "ES384";
  }
  return "";
}

std::optional<SignatureKey> SignatureKey::Own(evp_pkey_st* key) {
  std::shared_ptr<evp_pkey_st> owned(key, EVP_PKEY_free);
  const auto algorithm = AlgorithmOf(key);
  if (!algorithm) return std::nullopt;
  return SignatureKey(std::move(owned), *algorithm);
}

absl::StatusOr<SignatureKey> SignatureKey::FromPrivatePem(
    std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* const key =
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr);
  if (key == nullptr) {
    return Fail("cannot be read: a PEM file without a passphrase is needed");
  }
  std::optional<SignatureKey> usable = Own(key);
  if (!usable) {
    return Fail(
        "is not usable: RSA of at least 2048 bits, or EC on P-256 or P-384, is "
        "needed");
  }
  return *std::move(usable);
}

absl::StatusOr<SignatureKey> SignatureKey::FromRsa(std::string_view modulus,
                                                   std::string_view exponent) {
  const absl::Status failure =
      absl::InvalidArgumentError("no RSA key of a usable size");
  if (modulus.size() > kMaxRsaBits / 8 || exponent.size() > 8) return failure;
  const Number n(
      BN_bin2bn(Bytes(modulus), static_cast<int>(modulus.size()), nullptr));
  const Number e(
      BN_bin2bn(Bytes(exponent), static_cast<int>(exponent.size()), nullptr));
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  // An exponent of 1 verifies anything.
  if (n == nullptr || e == nullptr || builder == nullptr ||
      !BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get()) ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) !=
          1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) !=
          1) {
    return failure;
  }
  EVP_PKEY* const key = MakeKey("RSA", builder.get());
  if (key == nullptr) return failure;
  std::optional<SignatureKey> usable = Own(key);
  if (!usable) return failure;
  return *std::move(usable);
}

absl::StatusOr<SignatureKey> SignatureKey::FromEc(std::string_view curve_name,
                                                  std::string_view x,
                                                  std::string_view y) {
  const absl::Status failure =
      absl::InvalidArgumentError("no EC key on P-256 or P-384");
  const auto* const curve =
      std::find_if(std::begin(kCurves), std::end(kCurves),
                   [&](const Curve& c) { return c.name == curve_name; });
  if (curve == std::end(kCurves) || x.size() != curve->coordinate_bytes ||
      y.size() != curve->coordinate_bytes) {
    return failure;
  }
  const std::string point = StrCat("\x04", x, y);  // Uncompressed.
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      curve->group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                       point.data(), point.size()) != 1) {
    return failure;
  }
  EVP_PKEY* const key = MakeKey("EC", builder.get());
  if (key == nullptr) return failure;
  std::optional<SignatureKey> usable = Own(key);
  if (!usable || !IsSound(key)) return failure;
  return *std::move(usable);
}

absl::StatusOr<std::string> SignatureKey::Sign(std::string_view text) const {
  const Digest digest(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(digest.get(), nullptr, DigestOf(algorithm_), nullptr,
                         key_.get()) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, Bytes(text), text.size()) !=
          1) {
    return Fail("cannot sign");
  }
  std::vector<unsigned char> signature(size);
  if (EVP_DigestSign(digest.get(), signature.data(), &size, Bytes(text),
                     text.size()) != 1) {
    return Fail("cannot sign");
  }
  signature.resize(size);
  const size_t coordinate_bytes = CoordinateBytes(algorithm_);
  if (coordinate_bytes == 0) {
    return std::string(signature.begin(), signature.end());
  }
  auto jose = ToJose(signature, coordinate_bytes);
  if (!jose) return Fail("cannot sign");
  return *std::move(jose);
}

bool SignatureKey::Verifies(std::string_view text,
                            std::string_view signature) const {
  std::string der;
  if (const size_t bytes = CoordinateBytes(algorithm_); bytes != 0) {
    std::optional<std::string> converted = ToDer(signature, bytes);
    if (!converted) return false;
    der = *std::move(converted);
    signature = der;
  }
  const Digest digest(EVP_MD_CTX_new());
  return digest != nullptr &&
         EVP_DigestVerifyInit(digest.get(), nullptr, DigestOf(algorithm_),
                              nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(digest.get(), Bytes(signature), signature.size(),
                          Bytes(text), text.size()) == 1;
}

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
           c == '_';
  });
  std::string bytes;
  if (!is_plain || !absl::WebSafeBase64Unescape(ToAbsl(text), &bytes) ||
      EncodeBase64Url(bytes) != text) {
    return std::nullopt;
  }
  return bytes;
}

std::string EncodeBase64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(ToAbsl(bytes));
}

std::string Sha256(std::string_view text) {
  // Looking an algorithm up takes as long as hashing a token.
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  const int done = EVP_Digest(text.data(), text.size(),
                              reinterpret_cast<unsigned char*>(digest.data()),
                              nullptr, sha256, nullptr);
  // All texts would have the same digest, and be taken for each other.
  if (done != 1) std::abort();
  return digest;
}

std::string RandomHex(int bytes) {
  std::string random(static_cast<size_t>(bytes), '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), bytes) != 1) {
    return {};
  }
  return absl::BytesToHexString(random);
}

}  // namespace pdp::medplum

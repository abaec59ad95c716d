// Signatures as JOSE has them (RFC 7518): the keys that make and check them.
//
// What a key can be used for is the key's to say, never a header's: each has
// the one algorithm that its type and size allow.

#ifndef PDP_MEDPLUM_SIGNATURE_H_
#define PDP_MEDPLUM_SIGNATURE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_pkey_st;

namespace pdp::medplum {

enum class SignatureAlgorithm : uint8_t { kRs256, kEs256, kEs384 };

// `RS256`.
std::string_view AlgorithmName(SignatureAlgorithm algorithm);

// An RSA key of 2048 to 8192 bits, or an EC key on P-256 or P-384.  Immutable.
class SignatureKey {
 public:
  // `pem` is a private key without a passphrase.  Unauthenticated, "the private
  // key ...", where it is none that can be used.
  static absl::StatusOr<SignatureKey> FromPrivatePem(std::string_view pem);

  // Public keys, from the numbers of a JWK, big-endian.  InvalidArgument: no
  // such key.
  static absl::StatusOr<SignatureKey> FromRsa(std::string_view modulus,
                                              std::string_view exponent);
  // `curve` is `P-256` or `P-384`; the coordinates are as long as it says.
  static absl::StatusOr<SignatureKey> FromEc(std::string_view curve,
                                             std::string_view x,
                                             std::string_view y);

  SignatureAlgorithm algorithm() const { return algorithm_; }

  // REQUIRES: made from a private key.
  absl::StatusOr<std::string> Sign(std::string_view text) const;

  bool Verifies(std::string_view text, std::string_view signature) const;

 private:
  SignatureKey(std::shared_ptr<evp_pkey_st> key, SignatureAlgorithm algorithm)
      : key_(std::move(key)), algorithm_(algorithm) {}
  static std::optional<SignatureKey> Own(evp_pkey_st* key);

  std::shared_ptr<evp_pkey_st> key_;
  SignatureAlgorithm algorithm_;
};

// base64url without padding (RFC 7515, 2), in the one form that there is of
// each text; nothing where `text` is not that.
std::optional<std::string> DecodeBase64Url(std::string_view text);
std::string EncodeBase64Url(std::string_view bytes);

// SHA-256, 32 bytes.
std::string Sha256(std::string_view text);

// `bytes` random ones of the cryptographic generator, in hexadecimal digits;
// empty where there are none to be had.
std::string RandomHex(int bytes);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_SIGNATURE_H_

// The Ed25519 keys that sign the checkpoints of the audit log.

#ifndef PDP_AUDIT_SIGNING_KEY_H_
#define PDP_AUDIT_SIGNING_KEY_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_pkey_st;

namespace pdp::audit {

// A key or its public half.  Immutable.
class SigningKey {
 public:
  // InvalidArgument, "no Ed25519 ... ", for anything else.  Keys have no
  // passphrase.
  static absl::StatusOr<SigningKey> FromPrivatePem(std::string_view pem);
  static absl::StatusOr<SigningKey> FromPublicPem(std::string_view pem);
  // From a file; also an error where it cannot be read.
  static absl::StatusOr<SigningKey> FromPrivateFile(const std::string& path);
  static absl::StatusOr<SigningKey> FromPublicFile(const std::string& path);

  // The first 16 hexadecimal digits of the SHA-256 of the public key in DER.
  const std::string& id() const { return id_; }

  // 64 bytes.
  // REQUIRES: made from a private key.
  std::string Sign(std::string_view text) const;
  bool Verifies(std::string_view text, std::string_view signature) const;

  // For the public half.
  std::string PublicPem() const;

 private:
  static absl::StatusOr<SigningKey> Own(evp_pkey_st* key);
  SigningKey() = default;

  std::shared_ptr<evp_pkey_st> key_;
  std::string id_;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_SIGNING_KEY_H_

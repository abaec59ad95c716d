// A signed token (RFC 7515, 7519), taken apart.  Nothing of it is to be
// believed before its signature was checked.

#ifndef PDP_MEDPLUM_JWT_H_
#define PDP_MEDPLUM_JWT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/signature.h"
#include "pdp/medplum/unique_json.h"

namespace pdp::medplum {

inline constexpr size_t kMaxTokenBytes = size_t{16} << 10;

struct Jwt {
  std::string_view signed_text;  // Points into the token.
  std::string signature;
  std::unique_ptr<UniqueJson> header;
  std::unique_ptr<UniqueJson> claims;
};

// Unauthenticated: not well formed, not signed, too long, or it asks for an
// extension.  Messages say "the access token", and have no part of it.
absl::StatusOr<Jwt> ReadJwt(std::string_view token);

// Seconds since 1970, also with a fraction.  `name` is for the message.
absl::StatusOr<absl::Time> ReadInstant(fhir::JsonElement value,
                                       std::string_view name);

// Unauthenticated: `key` did not sign it, by the one algorithm that is its own;
// `algorithm` is what the token's header says.
absl::Status CheckJwtSignature(std::string_view signed_text,
                               std::string_view signature,
                               std::string_view algorithm,
                               const SignatureKey& key);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_JWT_H_

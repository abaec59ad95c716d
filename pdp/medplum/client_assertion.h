// The JWT by which a client proves at the token endpoint that it has a private
// key (RFC 7523, private_key_jwt).

#ifndef PDP_MEDPLUM_CLIENT_ASSERTION_H_
#define PDP_MEDPLUM_CLIENT_ASSERTION_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace pdp::medplum {

inline constexpr absl::Duration kAssertionLifetime = absl::Minutes(5);

struct AssertionClaims {
  std::string_view client_id;  // `iss` and `sub`.
  std::string_view audience;   // The URL of the token endpoint.
  std::string_view key_id;     // `kid`; left out where it is empty.
  absl::Time now;
};

// A signed JWT with a new random `jti`: RS256, ES256 or ES384, as the key is.
// Unauthenticated: `private_key`, PEM without a passphrase, is no RSA key of at
// least 2048 bits and no EC key on P-256 or P-384.
absl::StatusOr<std::string> SignClientAssertion(std::string_view private_key,
                                                const AssertionClaims& claims);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_CLIENT_ASSERTION_H_

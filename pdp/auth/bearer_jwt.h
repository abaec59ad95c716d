// Tokens by which callers show who they are: JWTs of an issuer that is trusted
// for it (RFC 7519, 9068).

#ifndef PDP_AUTH_BEARER_JWT_H_
#define PDP_AUTH_BEARER_JWT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "pdp/auth/key_source.h"

namespace pdp::auth {

// How much later than ours an issuer's clock may be.
inline constexpr absl::Duration kClockLeeway = absl::Seconds(30);

struct JwtClaims {
  std::vector<std::string> audiences;
  std::string subject;  // May be empty.
  absl::Time expires;
};

struct JwtVerdict {
  enum class State : uint8_t {
    kGood,
    kBad,  // Malformed, ended, of another issuer, not signed by a key of it.
    kUnknown,  // By a key that may be fetched soon.
  };
  State state = State::kBad;
  JwtClaims claims;  // With kGood.
};

// What stands for `token` where it is not to be kept: its SHA-256.
std::string DigestOf(std::string_view token);

// The issuer that `token` names; nothing of it is to be believed.
std::optional<std::string> NamedIssuer(std::string_view token);

// Whether `issuer`, whose keys these are, signed `token`, and it is in force.
// Whom it is for is not looked at.
JwtVerdict VerifyJwt(std::string_view token, std::string_view issuer,
                     KeySource& keys, absl::Time now);

}  // namespace pdp::auth

#endif  // PDP_AUTH_BEARER_JWT_H_

// Access tokens of a Medplum server (RFC 7519), and what makes one good.
//
// ReadAccessToken and CheckClaims need no key, and come first: they are cheap,
// and say nothing that is to be believed.  A token is good once its signature,
// by the key of the server that it names, is too.  Messages say why without any
// part of the token.

#ifndef PDP_MEDPLUM_ACCESS_TOKEN_H_
#define PDP_MEDPLUM_ACCESS_TOKEN_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/medplum/signature.h"

namespace pdp::medplum {

struct AccessTokenClaims {
  std::string issuer;
  std::string login;  // The id of the Login.
  // What it says itself; the login's own holds.
  std::optional<std::string> scope;
  absl::Time expires;
  std::optional<absl::Time> not_before;
};

struct UnverifiedToken {
  std::string_view signed_text;  // Points into the token.
  std::string signature;
  std::string key_id;
  std::string algorithm;  // As its header has it.
  AccessTokenClaims claims;
};

// Unauthenticated: not a token of a Medplum server that gives access: not
// well formed, an ID token, a refresh token, one that binds a WebSocket.
absl::StatusOr<UnverifiedToken> ReadAccessToken(std::string_view token);

// The id of the Project whose issuer `claims` names under `issuer`; empty for
// `issuer` itself.  Unauthenticated: another issuer.
absl::StatusOr<std::string> ProjectOfIssuer(const AccessTokenClaims& claims,
                                            std::string_view issuer);

// Unauthenticated: another issuer, ended, or not begun.  As the server, it
// leaves no leeway for clocks that differ.
absl::Status CheckClaims(const AccessTokenClaims& claims,
                         std::string_view issuer, absl::Time now);

// Unauthenticated: `key`, whose kid the token names, did not sign it.
absl::Status CheckSignature(const UnverifiedToken& token,
                            const SignatureKey& key);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_ACCESS_TOKEN_H_

// TokenLookup: verifies one access token and asks the server whose login it is.

#ifndef PDP_SYNC_TOKEN_LOOKUP_H_
#define PDP_SYNC_TOKEN_LOOKUP_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/medplum/access_token.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/key_ring.h"
#include "pdp/medplum/token_api.h"
#include "pdp/policy/access_tokens.h"

namespace pdp::sync {

struct TokenLookupOptions {
  std::string issuer;  // Also the audience.  Not empty.
  absl::Duration refetch_interval = absl::Seconds(30);
  const Clock* clock = &Clock::Real();
};

// Thread-safe.
//
// The scope and the launch of a login are in its Login, which super admins may
// read.  Where `logins` may, it is read for each token.  Elsewhere a login is
// taken to be without SMART scope where neither its token, into which the
// server copied the scope when it issued it, nor the server's effective policy
// shows one; otherwise the token is refused, NOT_SUPPORTED.
class TokenLookup {
 public:
  // `api` and `logins`, which may be null, must outlive it.
  TokenLookup(TokenLookupOptions options, medplum::TokenApi& api,
              medplum::Api* logins);

  // What can be told without asking anybody: a refusal, or kUnknown.
  policy::TokenAnswer Screen(std::string_view token) const;

  struct Result {
    policy::TokenAnswer answer;  // Never kUnknown.
    // No longer than this may the answer be kept.
    absl::Duration holds = absl::InfiniteDuration();
  };
  // Waits for the server.
  Result Look(std::string_view token);

  uint64_t key_fetches() const { return keys_.fetches(); }

  const Clock& clock() const { return *options_.clock; }

 private:
  // What the login of a token says beside whose it is.  PermissionDenied where
  // it may not be read.
  absl::Status ReadLogin(const medplum::AccessTokenClaims& claims,
                         policy::TokenBinding& binding);
  absl::StatusOr<std::optional<std::string>> ReadLaunchPatient(
      std::string_view launch);

  const TokenLookupOptions options_;
  medplum::TokenApi& api_;
  medplum::Api* const logins_;
  medplum::KeyRing keys_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_TOKEN_LOOKUP_H_

// TokenApi: what a Medplum server is asked about the access tokens of others.
//
// The only implementation for users is TokenClient (token_client.h); tests have
// one in memory.  Every method waits for the answer within the configured
// bounds, and ends early, Cancelled, once Stop was called.  Errors are those of
// Api, unless it says otherwise.

#ifndef PDP_MEDPLUM_TOKEN_API_H_
#define PDP_MEDPLUM_TOKEN_API_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/jwks.h"

namespace pdp::medplum {

// Thread-safe.
class TokenApi {
 public:
  virtual ~TokenApi() = default;

  // The keys that the server signs with.
  virtual absl::StatusOr<KeySet> FetchKeys() = 0;

  // Whose login `token` is, which was read by ReadAccessToken.  With `project`,
  // an id, asked as a client of that project's own issuer does.
  //
  // Unauthenticated    the server does not take the token
  // InvalidArgument    it knows the login, and cannot authenticate by it: what
  //                    its membership names is missing
  virtual absl::StatusOr<LoginInfo> WhoIs(std::string_view token,
                                          std::string_view project) = 0;

  // Ends all calls, now and later.
  virtual void Stop() = 0;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_TOKEN_API_H_

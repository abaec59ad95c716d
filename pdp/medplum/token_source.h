// TokenSource: the access token of one client (OAuth 2, client credentials).
//
// A token is kept until shortly before it ends.  All threads share one request
// for the next one, and its failure.  The secret or key is read from its file
// for each request; credentials that were refused are not offered again for a
// while, unless the file changed.

#ifndef PDP_MEDPLUM_TOKEN_SOURCE_H_
#define PDP_MEDPLUM_TOKEN_SOURCE_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/medplum/retry.h"

namespace pdp::medplum {

// Who the client is.
struct Credentials {
  std::string client_id;  // Of the ClientApplication.
  // One of the two.
  std::string client_secret_file;
  std::string private_key_file;  // PEM.
  std::string key_id;            // The `kid` of the private key.
};

struct TokenStatistics {
  uint64_t requests = 0;  // For a token.
  uint64_t refused = 0;   // Of these.
};

// Thread-safe.
class TokenSource {
 public:
  // How long refused credentials are not offered again.
  static constexpr absl::Duration kRefusalHold = absl::Seconds(10);

  // `http` outlives this.
  TokenSource(std::string token_url, Credentials credentials,
              RetryingHttp& http);

  struct Token {
    std::string text;
    uint64_t generation = 0;
    // This very call got it.
    bool is_new = false;
  };
  // Unauthenticated: the credentials are refused, or their file cannot be used.
  // Unavailable, DataLoss, FailedPrecondition, Cancelled: as Api.
  absl::StatusOr<Token> Get();

  // The server refused this token: it is not given out again.
  void Discard(const Token& token);

  TokenStatistics statistics() const;

 private:
  absl::StatusOr<std::string> RequestBody(std::string& secret) const;
  absl::Status Request();

  const std::string token_url_;
  const Credentials credentials_;
  RetryingHttp& http_;

  mutable std::mutex mutex_;
  std::condition_variable requested_;
  // All below: guarded by mutex_.
  bool is_requesting_ = false;
  uint64_t round_ = 0;        // Requests that ended.
  absl::Status last_result_;  // Of the last of them.
  std::string token_;         // Empty: none.
  uint64_t generation_ = 0;
  absl::Duration renew_at_;  // Since boot, as the others.
  absl::Duration ends_at_;
  std::string refused_secret_;
  absl::Duration refused_until_;
  absl::Status refusal_;
  TokenStatistics statistics_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_TOKEN_SOURCE_H_

// TokenBinder: the access tokens of one Medplum server, verified here and bound
// to memberships by asking the server.
//
// What a token says is believed once its signature is verified, and only that
// the server issued it, for whom, and until when.  Whether its login is still
// good, of which membership, and under which scope is the server's to say
// (semantics S-1).  What was learned holds for a while, never past the token's
// end, and is found by the SHA-256 of the token, which itself is not kept.

#ifndef PDP_SYNC_TOKEN_BINDER_H_
#define PDP_SYNC_TOKEN_BINDER_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/token_api.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/sync/token_lookup.h"

namespace pdp::sync {

struct TokenBinderOptions {
  TokenLookupOptions lookup;
  // How long what was learned of a token holds.
  absl::Duration cache = absl::Seconds(60);
  // Tokens of which something is known; the least recently asked for go first.
  size_t max_tokens = 10'000;
  // Calls that wait for a look-up.
  size_t max_waiting = 1'000;
  // Look-ups at a time.
  size_t threads = 4;
};

class TokenBinder final : public policy::AccessTokens {
 public:
  // As long as the server could not be asked, it is not asked again.
  static constexpr absl::Duration kUnavailableHold = absl::Seconds(1);

  // `api` and `logins` must outlive the binder.  `logins` is a super admin's,
  // and may be null: see TokenLookup.
  TokenBinder(TokenBinderOptions options, medplum::TokenApi& api,
              medplum::Api* logins);
  // Stops.
  ~TokenBinder() override;
  TokenBinder(const TokenBinder&) = delete;
  TokenBinder& operator=(const TokenBinder&) = delete;

  policy::TokenAnswer Find(std::string_view token) override;
  void Resolve(std::string token, bool anew,
               std::function<void(const absl::Status&)> done) override;

  policy::TokenStatistics statistics() const override;

  // Ends every Resolve, now and later.
  void Stop();

 private:
  using Done = std::function<void(const absl::Status&)>;
  using Order = std::list<std::string>;  // Digests.

  // What is known of a token.
  struct Known {
    policy::TokenAnswer answer;
    absl::Duration holds_until;  // Since boot.
    Order::iterator used;
  };
  // A look-up that is queued or runs.
  struct Flight {
    std::string token;
    bool is_running = false;
    std::vector<Done> waiting;
    std::vector<Done> next;  // That it began too early for.
  };

  void Run();
  // All below: mutex_ is held.
  void Queue(const std::string& digest);
  void Keep(const std::string& digest, TokenLookup::Result result);

  const TokenBinderOptions options_;
  medplum::TokenApi& api_;
  TokenLookup lookup_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  StringMap<Known> known_;
  Order order_;  // The least recently used first.
  StringMap<Flight> flights_;
  std::deque<std::string> queue_;  // Of the digests of flights.
  size_t waiting_ = 0;
  policy::TokenStatistics statistics_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_TOKEN_BINDER_H_

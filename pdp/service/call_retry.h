// A call that is made again until it has what it needs: what calls of one
// answer and of many have in common.

#ifndef PDP_SERVICE_CALL_RETRY_H_
#define PDP_SERVICE_CALL_RETRY_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/fact_fetcher.h"

namespace pdp::service {

class CallRetry {
 public:
  // A request has come in.
  void Begin(const FactSources& sources, const CallOrigin& origin,
             Ledger* ledger, const std::atomic<bool>* has_left = nullptr,
             std::chrono::system_clock::time_point deadline =
                 std::chrono::system_clock::time_point::max()) {
    rounds_ = 0;
    attempt_ = {.origin = origin,
                .ledger = ledger,
                .started = Clock::now(),
                .has_left = has_left,
                .deadline = deadline,
                .may_fetch = sources.fetcher != nullptr,
                .may_refresh = sources.refresher != nullptr,
                .may_resolve_tokens = sources.tokens != nullptr};
  }

  // Counts an attempt, and returns what it may ask for.
  const CallAttempt& Next() {
    attempt_.is_first = ++rounds_ == 1;
    if (rounds_ > kMaxRounds) GiveUp();
    return attempt_;
  }

  // Starts getting what `outcome` asks for, and calls `done` once, from any
  // thread, when that has ended.  It may outlive this.
  // REQUIRES: outcome.pending()
  void Gather(const FactSources& sources, CallOutcome outcome, FetchDone done);

  // Takes note of how it went; the next attempt says what is missing.
  void Resumed(const absl::Status& status);

  uint64_t nanoseconds() const {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() -
                                                             attempt_.started)
            .count());
  }

  static absl::Status TooManyWaiting() {
    return absl::ResourceExhaustedError(
        "too many calls wait for facts; try again later");
  }

 private:
  using Clock = std::chrono::steady_clock;
  class Gathering;

  // A decision needs a few rounds at most: a membership, its policies, what
  // they name.
  static constexpr int kMaxRounds = 16;

  void GiveUp() {
    attempt_.may_fetch = false;
    attempt_.may_refresh = false;
    attempt_.may_resolve_tokens = false;
  }

  CallAttempt attempt_;
  int rounds_ = 0;
  std::shared_ptr<Gathering> gathering_;  // Until Resumed.
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_RETRY_H_

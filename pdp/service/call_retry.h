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
#include "pdp/service/call_queue.h"

namespace pdp::service {

class CallRetry {
 public:
  // A request has come in.
  void Begin(const CallContext& context, const CallOrigin& origin,
             Ledger* ledger, const std::atomic<bool>* has_left = nullptr,
             std::chrono::system_clock::time_point deadline =
                 std::chrono::system_clock::time_point::max()) {
    rounds_ = 0;
    attempt_ = {.origin = origin,
                .ledger = ledger,
                .started = Clock::now(),
                .has_left = has_left,
                .deadline = deadline,
                .may_fetch = context.fetcher != nullptr,
                .may_refresh = context.refresher != nullptr,
                .may_resolve_tokens = context.tokens != nullptr};
  }

  // Counts an attempt, and returns what it may ask for.
  const CallAttempt& Next() {
    attempt_.is_first = ++rounds_ == 1;
    if (rounds_ > kMaxRounds) GiveUp();
    return attempt_;
  }

  // Puts `call` aside, until its deadline at the latest, and starts getting
  // what `outcome` asks for.  False where too many calls wait already.
  // REQUIRES: outcome.pending()
  bool PutAside(CallQueue& queue, CallOutcome outcome, WaitingCall* call,
                std::chrono::system_clock::time_point deadline);

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
  std::shared_ptr<Gathering> gathering_;  // While the call is put aside.
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_RETRY_H_

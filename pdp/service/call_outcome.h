// How a call to the service ended, and what it may ask for on the way.

#ifndef PDP_SERVICE_CALL_OUTCOME_H_
#define PDP_SERVICE_CALL_OUTCOME_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/caller.h"
#include "pdp/service/refusal.h"
#include "pdp/service/trace_context.h"

namespace pdp::service {

class Ledger;

struct CallOutcome {
  // OK: answered.  Otherwise there is no decision.
  absl::Status status;
  // Why there is none, where the data is to blame.
  Refusal refusal = Refusal::kNone;
  // Facts that must be fetched before the call is made again.
  std::vector<fhir::ResourceKey> needed;
  std::string needed_by;  // The id of the project, where it is known.
  // The projects that must be read again from the source before the call is
  // made again; an empty name is every project.
  std::vector<std::string> needs_refresh;
  // Access tokens that must be resolved before the call is made again.
  std::vector<std::string> needs_tokens;
  // And not by what is asked for already.
  bool needs_tokens_anew = false;

  bool pending() const {
    return !needs_refresh.empty() || !needed.empty() || !needs_tokens.empty();
  }
};

// Makes `all` wait for what `item` waits for, too: what the items of a call
// need is got at once.
void AddPending(const CallOutcome& item, CallOutcome& all);

inline absl::Status CallerLeft() {
  return absl::CancelledError("the caller left");
}

inline absl::Status DeadlinePassed() {
  return absl::DeadlineExceededError("the deadline has passed");
}

inline CallOutcome Failed(absl::Status status) {
  CallOutcome outcome;
  outcome.status = std::move(status);
  return outcome;
}

// Where a call comes from.
struct CallOrigin {
  // Null: this process itself.  Outlives the call.
  const Caller* caller = nullptr;
  TraceContext trace;
};

// Where a call comes from, what it may ask for, and what has been got for it
// already.
struct CallAttempt {
  CallOrigin origin;
  // Where the answers are recorded; null: they are not.
  Ledger* ledger = nullptr;
  // When the whole request was there.
  std::chrono::steady_clock::time_point started = {};
  bool is_first = true;  // Of the attempts of a call.
  // Whether whoever called has left; null: nobody looks.
  const std::atomic<bool>* has_left = nullptr;
  // When whoever called waits no more.
  std::chrono::system_clock::time_point deadline =
      std::chrono::system_clock::time_point::max();
  bool may_fetch = false;    // Facts can be fetched: CallOutcome.needed.
  bool may_refresh = false;  // The source can be read again.
  bool may_resolve_tokens = false;
  // What was, after the call had come in.
  std::vector<fhir::ResourceKey> fetched;
  std::vector<std::string> refreshed;
  std::vector<std::string> resolved;  // Tokens.

  absl::Duration Elapsed() const {
    return absl::FromChrono(std::chrono::steady_clock::now() - started);
  }
  // Cancelled or DeadlineExceeded: there is nobody to answer any more.
  absl::Status CheckAwaited() const {
    if (has_left != nullptr && has_left->load(std::memory_order_relaxed)) {
      return CallerLeft();
    }
    return deadline <= std::chrono::system_clock::now() ? DeadlinePassed()
                                                        : absl::OkStatus();
  }
  bool WasFetched(const fhir::ResourceKey& key) const {
    return std::find(fetched.begin(), fetched.end(), key) != fetched.end();
  }
  bool WasResolved(std::string_view token) const {
    return std::find(resolved.begin(), resolved.end(), token) != resolved.end();
  }
  bool WasRefreshed(std::string_view project) const {
    return std::any_of(refreshed.begin(), refreshed.end(),
                       [&](const std::string& known) {
                         return known.empty() || known == project;
                       });
  }
};

// How the engine ended without a decision, as a call sees it: pending where
// what is missing can be fetched. REQUIRES: !outcome.decided()
CallOutcome FromEngine(const CallAttempt& attempt, policy::Outcome outcome);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_OUTCOME_H_

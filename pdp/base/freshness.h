// Freshness: how old what is known may be.
//
// A source confirms that all that changed before a moment is known; the age is
// the time since then.  Who decides compares it with the bounds that are
// configured, and refuses past them.

#ifndef PDP_BASE_FRESHNESS_H_
#define PDP_BASE_FRESHNESS_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace pdp {

// Thread-safe.
class Freshness {
 public:
  // All that changed before `as_of` is known.  Never moves back.
  void Confirm(absl::Time as_of) {
    const int64_t nanos = absl::ToUnixNanos(as_of);
    int64_t known = as_of_.load(std::memory_order_relaxed);
    while (known < nanos && !as_of_.compare_exchange_weak(
                                known, nanos, std::memory_order_release)) {
    }
  }

  // Nothing that is known counts any more, until the next Confirm: the source
  // refuses its credentials, or what it serves has vanished.
  void Refuse() { as_of_.store(kNever, std::memory_order_release); }

  // InfinitePast where nothing was confirmed.
  absl::Time as_of() const {
    const int64_t nanos = as_of_.load(std::memory_order_acquire);
    return nanos == kNever ? absl::InfinitePast() : absl::FromUnixNanos(nanos);
  }

  // InfiniteDuration where nothing was confirmed; never negative.
  absl::Duration Age(absl::Time now) const {
    const absl::Time known = as_of();
    return known > now ? absl::ZeroDuration() : now - known;
  }

 private:
  static constexpr int64_t kNever = INT64_MIN;

  std::atomic<int64_t> as_of_{kNever};
};

}  // namespace pdp

#endif  // PDP_BASE_FRESHNESS_H_

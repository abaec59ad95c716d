// RateLimit: so many in a second, and as many at once.

#ifndef PDP_SERVICE_RATE_LIMIT_H_
#define PDP_SERVICE_RATE_LIMIT_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace pdp::service {

// What has been taken is told by the time at which it would be due, had each
// been taken when the one before it was due.  Thread-safe, without a lock.
class RateLimit {
 public:
  // Whether one more is within `per_second`, which is 1 to 10 million.
  // `since_boot` is the time.
  bool Take(uint32_t per_second, absl::Duration since_boot) const {
    const int64_t now = absl::ToInt64Nanoseconds(since_boot);
    const int64_t each = kSecond / per_second;
    int64_t due = due_.load(std::memory_order_relaxed);
    while (true) {
      const int64_t next = std::max(due, now) + each;
      if (next > now + kSecond) return false;
      if (due_.compare_exchange_weak(due, next, std::memory_order_relaxed)) {
        return true;
      }
    }
  }

 private:
  static constexpr int64_t kSecond = 1'000'000'000;

  mutable std::atomic<int64_t> due_{std::numeric_limits<int64_t>::min() / 2};
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_RATE_LIMIT_H_

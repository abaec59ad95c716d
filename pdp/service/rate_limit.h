// RateLimit: so many in a second, and as many at once.

#ifndef PDP_SERVICE_RATE_LIMIT_H_
#define PDP_SERVICE_RATE_LIMIT_H_

#include <algorithm>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "pdp/base/mutex.h"

namespace pdp::service {

// A token bucket, full at first.  Thread-safe.
class RateLimit {
 public:
  // Whether one more is within `per_second`.  `since_boot` is the time.
  bool Take(uint32_t per_second, absl::Duration since_boot) const {
    MutexLock lock(mutex_);
    const double limit = per_second;
    if (!is_begun_) left_ = limit;
    const double passed = absl::ToDoubleSeconds(since_boot - last_);
    if (is_begun_) left_ = std::min(limit, left_ + passed * limit);
    is_begun_ = true;
    last_ = since_boot;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  mutable Mutex mutex_;
  mutable bool is_begun_ ABSL_GUARDED_BY(mutex_) = false;
  mutable double left_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable absl::Duration last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_RATE_LIMIT_H_

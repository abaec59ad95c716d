// LogLimiter keeps what may happen at any rate from filling the log.

#ifndef PDP_BASE_LOG_LIMITER_H_
#define PDP_BASE_LOG_LIMITER_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "pdp/base/mutex.h"

namespace pdp {

// Thread-safe.
class LogLimiter {
 public:
  explicit LogLimiter(int per_second) : per_second_(per_second) {}

  // How many lines were left out since the last that was let through; nothing:
  // leave out this one, too.
  std::optional<uint64_t> Allow(absl::Time now) {
    const int64_t second = absl::ToUnixSeconds(now);
    MutexLock lock(mutex_);
    if (second != second_) {
      second_ = second;
      lines_ = 0;
    }
    if (++lines_ > per_second_) {
      ++left_out_;
      return std::nullopt;
    }
    const uint64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  const int per_second_;
  Mutex mutex_;
  int64_t second_ ABSL_GUARDED_BY(mutex_) = 0;
  int lines_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace pdp

#endif  // PDP_BASE_LOG_LIMITER_H_

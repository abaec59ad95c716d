// A Clock that stands still until it is moved.

#ifndef TESTS_SUPPORT_FAKE_CLOCK_H_
#define TESTS_SUPPORT_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "pdp/base/clock.h"

namespace pdp {

// Thread-safe.
class FakeClock : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixNanos(now_); }
  absl::Duration SinceBoot() const override {
    return absl::Nanoseconds(since_boot_.load());
  }

  // Time passes.
  // REQUIRES: by is not negative
  void Advance(absl::Duration by) {
    now_ += absl::ToInt64Nanoseconds(by);
    since_boot_ += absl::ToInt64Nanoseconds(by);
  }

  // The time of day is set to another.
  void SetNow(absl::Time now) { now_ = absl::ToUnixNanos(now); }

 private:
  std::atomic<int64_t> now_{1'790'000'000'000'000'000};
  std::atomic<int64_t> since_boot_{1'000'000'000'000};
};

}  // namespace pdp

#endif  // TESTS_SUPPORT_FAKE_CLOCK_H_

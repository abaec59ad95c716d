// The time, from whom it is asked: passed in, so that tests can be at any time
// they like.

#ifndef PDP_BASE_CLOCK_H_
#define PDP_BASE_CLOCK_H_

#include <time.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace pdp {

// Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // The time of day, which may jump in both directions.
  virtual absl::Time Now() const = 0;

  // Since the machine started.  Never moves back, and goes on while the machine
  // is suspended: how long something took, or how old it is.
  virtual absl::Duration SinceBoot() const = 0;

  // The system's clock.
  static const Clock& Real();
};

class RealClock : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Duration SinceBoot() const override {
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return absl::DurationFromTimespec(now);
  }
};

inline const Clock& Clock::Real() {
  static const RealClock clock;
  return clock;
}

}  // namespace pdp

#endif  // PDP_BASE_CLOCK_H_

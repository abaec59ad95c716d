// How the channels of notifications (web_socket_channel.h, rest_hook_channel.h)
// wait.

#ifndef PDP_MEDPLUM_CHANNEL_TIMING_H_
#define PDP_MEDPLUM_CHANNEL_TIMING_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"

namespace pdp::medplum {

struct ChannelRetryOptions {
  // After the first failure: a random time in [first / 10, first].  After each
  // more the upper end is twice as far, up to `longest`.
  absl::Duration first = absl::Seconds(1);
  absl::Duration longest = absl::Seconds(30);
  // Where a person must help, about this long.
  absl::Duration refused = absl::Minutes(1);
  // In [0, 1).  Null: random.
  std::function<double()> random;
};

// How long to wait before the next attempt, after `failures` before this one,
// which was `why`.
absl::Duration RetryDelay(const ChannelRetryOptions& options,
                          const absl::Status& why, int failures);

// Waits on a Clock.  Thread-safe.
class Alarm {
 public:
  // The clock is looked at every `tick`: condition variables stand still while
  // the machine is suspended.
  Alarm(const Clock& clock, absl::Duration tick);

  // Returns at `moment` (Clock::SinceBoot), on Wake, or when a stop is
  // requested.
  void WaitUntil(absl::Duration moment, const std::stop_token& stop);

  // Ends the wait that is going on, or else the next one.
  void Wake();

 private:
  const Clock& clock_;
  const absl::Duration tick_;
  std::mutex mutex_;  // Guards woken_.
  std::condition_variable_any changed_;
  bool woken_ = false;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_CHANNEL_TIMING_H_

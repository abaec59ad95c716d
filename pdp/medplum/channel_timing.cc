#include "pdp/medplum/channel_timing.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/random/random.h"

namespace pdp::medplum {
namespace {

// Whether trying again soon is of no use.
bool NeedsHelp(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

double Random(const ChannelRetryOptions& options) {
  if (options.random) return options.random();
  thread_local absl::BitGen generator;
  return absl::Uniform(generator, 0.0, 1.0);
}

}  // namespace

absl::Duration RetryDelay(const ChannelRetryOptions& options,
                          const absl::Status& why, int failures) {
  const double random = Random(options);
  if (NeedsHelp(why)) return options.refused * (0.9 + 0.2 * random);
  const absl::Duration longest = std::min(
      options.longest, options.first * std::exp2(std::min(failures, 30)));
  return std::max(options.first / 10, longest * random);
}

Alarm::Alarm(const Clock& clock, absl::Duration tick)
    : clock_(clock), tick_(tick) {}

void Alarm::WaitUntil(absl::Duration moment, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !woken_) {
    const absl::Duration left = moment - clock_.SinceBoot();
    if (left <= absl::ZeroDuration()) break;
    changed_.wait_for(lock, stop,
                      absl::ToChronoNanoseconds(std::min(left, tick_)),
                      [this] { return woken_; });
  }
  woken_ = false;
}

void Alarm::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

}  // namespace pdp::medplum

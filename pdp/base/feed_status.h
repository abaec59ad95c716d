// FeedStatus: how a feed stands, for those who operate the server.

#ifndef PDP_BASE_FEED_STATUS_H_
#define PDP_BASE_FEED_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "pdp/base/feed_freshness.h"

namespace pdp {

enum class NotificationState : uint8_t {
  kOff,           // Not asked for: sweeps alone.
  kConnected,     // All subscriptions are in place.
  kDisconnected,  // Not now; sweeps alone until they are again.
};

// How one project's data, or that of all, is kept in step.  A time is
// InfinitePast where it has not been yet.
struct FeedStatus {
  std::string project;  // Empty: every project that has no feed of its own.
  FeedState state = FeedState::kLoading;
  // Why the state is not kCurrent, or why the last attempt failed, and what to
  // do.  Empty where all is well.
  std::string message;
  // All that had changed until then is known.
  absl::Time fresh_as_of = absl::InfinitePast();
  // How long ago that is.
  absl::Duration bound = absl::InfiniteDuration();
  NotificationState notifications = NotificationState::kOff;
  std::string notifications_message;  // Why kDisconnected, and what to do.
  absl::Time last_notification = absl::InfinitePast();
  absl::Time last_sweep = absl::InfinitePast();       // When it ended well.
  absl::Time last_full_sweep = absl::InfinitePast();  // Likewise.
  // How often it is swept now: more than configured where the limit of
  // searches stretches it.
  absl::Duration sweep_interval = absl::ZeroDuration();
  uint64_t resources = 0;  // Live ones that are held, as last counted.
  uint64_t loaded = 0;     // By the first load, while it runs.
  // Since Start.
  uint64_t notifications_received = 0;
  uint64_t changes_applied = 0;
  uint64_t sweeps = 0;  // That ended well, as are the next.
  uint64_t full_sweeps = 0;
  uint64_t failed_sweeps = 0;
  uint64_t failed_full_sweeps = 0;
  uint64_t failures = 0;
  absl::Time last_failure = absl::InfinitePast();
  // How far the source's clock is ahead, to about a second.
  std::optional<absl::Duration> server_clock_ahead;
};

}  // namespace pdp

#endif  // PDP_BASE_FEED_STATUS_H_

// RestHookChannel: a feed of notifications by rest-hook Subscriptions.
//
// The Subscriptions are looked at when it starts and every few minutes from
// then on, and made where they are missing (rest_hook_subscriptions.h).  The
// server calls the endpoint; whoever listens there hands each request to
// Receive.
//
// That a Subscription is in place does not prove that the server reaches the
// endpoint: it drops what goes to plain `http:` or a private address unless it
// is configured otherwise, and says nothing.

#ifndef PDP_MEDPLUM_REST_HOOK_CHANNEL_H_
#define PDP_MEDPLUM_REST_HOOK_CHANNEL_H_

#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/channel_state.h"
#include "pdp/medplum/channel_timing.h"
#include "pdp/medplum/notification.h"
#include "pdp/medplum/rest_hook.h"
#include "pdp/medplum/rest_hook_subscriptions.h"

namespace pdp::medplum {

struct RestHookChannelOptions {
  RestHookTarget target;
  // Holds the secret that the Subscriptions are signed under; looked at every
  // `secret_interval`.  A secret that was replaced still counts for
  // `secret_overlap`.
  std::string secret_file;
  absl::Duration secret_interval = absl::Seconds(5);
  absl::Duration secret_overlap = absl::Hours(1);
  // How often the Subscriptions are looked at; and no more often than
  // `min_check_gap` when a hook comes from one that is not known.
  absl::Duration check_interval = absl::Minutes(5);
  absl::Duration min_check_gap = absl::Seconds(5);
  ChannelRetryOptions retry;
  // Hooks that are taken in a second.
  uint32_t max_per_second = 500;
  absl::Duration tick = absl::Seconds(1);
};

struct RestHookChannelStatistics : ChannelState {
  absl::Time last_event = absl::InfinitePast();
  uint64_t creates = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;
  uint64_t not_signed = 0;
  uint64_t unknown_subscription = 0;
  uint64_t malformed = 0;  // Too large, too.
  uint64_t too_many = 0;
  uint64_t checks = 0;  // That ended, well or not.
  uint64_t subscriptions_made = 0;
};

// Thread-safe.
class RestHookChannel {
 public:
  // A shorter secret is refused.
  static constexpr size_t kMinSecretBytes = 16;

  // Begins at once, on a thread of its own.  All that is referred to outlives
  // the channel.
  RestHookChannel(Api& api, const Clock& clock, RestHookChannelOptions options,
                  NotificationSink sink);

  // Ends the channel; nothing of the sink is called any more.  The
  // Subscriptions stay, for the next start.  Waits for the call of `api` that
  // is under way: Api::Stop shortens it.
  // REQUIRES: no Receive is running.
  ~RestHookChannel();
  RestHookChannel(const RestHookChannel&) = delete;
  RestHookChannel& operator=(const RestHookChannel&) = delete;

  // Judges one request that the endpoint was sent, and hands on what it tells.
  // Returns the HTTP status to answer with.  Does not wait.
  int Receive(const RestHookRequest& request);

  RestHookChannelStatistics statistics() const;

 private:
  void Run(const std::stop_token& stop);
  // Whether the secret is another than before.
  absl::StatusOr<bool> ReadSecret();
  absl::Status Check();
  void DeleteSuperseded(const std::vector<std::string>& ids);
  void SetConnected(bool has_gap);
  void SetDisconnected(const absl::Status& why);

  // Under mutex_.
  std::vector<std::string> Secrets() const;
  bool TakeToken();
  void Count(RestHookRefusal refusal);

  Api& api_;
  const Clock& clock_;
  const RestHookChannelOptions options_;
  const NotificationSink sink_;
  Alarm alarm_;

  mutable std::mutex mutex_;  // Guards what follows, up to the thread.
  std::string secret_;        // Empty: there is none.
  std::string previous_secret_;
  absl::Duration previous_until_ = absl::ZeroDuration();  // Clock::SinceBoot.
  StringMap<std::string> types_;  // By the id of the Subscription.
  bool check_is_wanted_ = false;
  // The second that is counted in, by Clock::SinceBoot, and how many it had.
  int64_t second_ = 0;
  uint32_t taken_ = 0;
  RestHookChannelStatistics statistics_;

  std::jthread thread_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_REST_HOOK_CHANNEL_H_

// WebSocketChannel: a feed of notifications by WebSocket Subscriptions.
//
// It keeps one set of Subscriptions alive (subscription_set.h): makes a new one
// after every end of the old, after a wait that grows and is random; binds it
// again before its tokens end; and replaces it before the server would drop it.
// Nothing that was missed meanwhile is told by the server: `connected` asks for
// a sweep.

#ifndef PDP_MEDPLUM_WEB_SOCKET_CHANNEL_H_
#define PDP_MEDPLUM_WEB_SOCKET_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/channel_state.h"
#include "pdp/medplum/channel_timing.h"
#include "pdp/medplum/notification.h"
#include "pdp/medplum/subscription_set.h"
#include "pdp/medplum/web_socket.h"

namespace pdp::medplum {

struct WebSocketChannelOptions {
  SubscriptionSetOptions set;

  // A set is replaced this long after it was begun, the new one bound before
  // the old one is dropped.  Where that fails it is tried again every
  // `renew_retry`, until `renew_by`.  The server drops a set after 24 h.
  absl::Duration renew_after = absl::Hours(23);
  absl::Duration renew_retry = absl::Minutes(10);
  absl::Duration renew_by = absl::Hours(23) + absl::Minutes(50);

  // How often it is asked whether the server would still bind
  // (SubscriptionSet::Probe).
  absl::Duration probe_interval = absl::Minutes(2);

  // The wait before a new set.  After a set that had lived for `settled_after`
  // it is as after a first failure.
  ChannelRetryOptions retry;
  absl::Duration settled_after = absl::Seconds(15);
};

struct WebSocketChannelStatistics : ChannelState {
  absl::Time last_frame = absl::InfinitePast();
  absl::Time last_event = absl::InfinitePast();
  uint64_t heartbeats = 0;
  uint64_t creates = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;
  uint64_t foreign_frames = 0;
  uint64_t malformed_frames = 0;
  uint64_t connections = 0;  // Sets that were bound, after an end.
  uint64_t renewals = 0;     // Sets that replaced one that lived.
  uint64_t rebinds = 0;
};

// Thread-safe.
class WebSocketChannel {
 public:
  // Begins at once, on a thread of its own.  All that is referred to outlives
  // the channel.
  WebSocketChannel(Api& api, WebSocketConnector& sockets, const Clock& clock,
                   WebSocketChannelOptions options, NotificationSink sink);

  // Ends the channel; nothing of the sink is called any more.  Waits for the
  // call of `api` that is under way: Api::Stop shortens it.
  ~WebSocketChannel();
  WebSocketChannel(const WebSocketChannel&) = delete;
  WebSocketChannel& operator=(const WebSocketChannel&) = delete;

  WebSocketChannelStatistics statistics() const;

 private:
  void Run(const std::stop_token& stop);
  // One set and those that replace it, to the end.
  absl::Status Live(const std::stop_token& stop);
  absl::Status Renew(const std::stop_token& stop);
  absl::Status OpenSet(const std::stop_token& stop, PerType per_type,
                       std::unique_ptr<SubscriptionSet>& set);
  // The first set: the smaller kind where the server allows no other.
  absl::Status OpenFirstSet(const std::stop_token& stop);
  // Closes `set`; its Subscriptions are to be deleted.
  void Drop(std::unique_ptr<SubscriptionSet>& set);
  // Deletes what dropped sets may have left at the server; what cannot be
  // deleted now is left for later.
  void DeleteLeftovers(const std::stop_token& stop);
  void SetConnected();
  void SetDisconnected(const absl::Status& why);

  Api& api_;
  WebSocketConnector& sockets_;
  const Clock& clock_;
  const WebSocketChannelOptions options_;
  const NotificationSink sink_;
  FrameCounters counters_;

  // Used on the thread only.
  std::unique_ptr<SubscriptionSet> set_;
  PerType per_type_ = PerType::kEachInteraction;  // Of set_.
  absl::Duration set_began_ = absl::ZeroDuration();
  std::vector<std::string> leftovers_;

  Alarm alarm_;
  mutable std::mutex mutex_;  // Guards statistics_.
  // Without what is in counters_.
  WebSocketChannelStatistics statistics_;

  std::jthread thread_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_WEB_SOCKET_CHANNEL_H_

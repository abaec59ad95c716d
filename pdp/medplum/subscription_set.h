// SubscriptionSet: WebSocket Subscriptions that live and die together, bound on
// one socket.
//
// The server deletes them when the socket closes; what was created and never
// bound, or outlived a server that was killed, is to be deleted by whoever
// drops the set (ids()).

#ifndef PDP_MEDPLUM_SUBSCRIPTION_SET_H_
#define PDP_MEDPLUM_SUBSCRIPTION_SET_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/notification.h"
#include "pdp/medplum/subscription_frames.h"
#include "pdp/medplum/web_socket.h"

namespace pdp::medplum {

// What came over the sockets of a channel, one after the other.  Thread-safe.
struct FrameCounters {
  std::atomic<uint64_t> heartbeats = 0;
  // Events that were handed on, by Interaction.
  std::atomic<uint64_t> events[3] = {};
  // Of a Subscription that is not one of the socket's, or of another type than
  // it watches: ignored.
  std::atomic<uint64_t> foreign = 0;
  // Frames that could not be understood.
  std::atomic<uint64_t> malformed = 0;
  // Nanoseconds since 1970; 0: none yet.
  std::atomic<int64_t> last_frame = 0;
  std::atomic<int64_t> last_event = 0;
};

struct SubscriptionSetOptions {
  // What is subscribed to.
  std::vector<std::string> types;
  // And this, by one Subscription a type: any event may be a delete.
  std::vector<std::string> types_of_one;
  // Subscription.reason.
  std::string reason = "medplum-pdp";
  // For the socket to connect; for the server to answer all binds.
  absl::Duration answer_timeout = absl::Seconds(15);
  // A socket without a heartbeat for this long is dead.  The server sends one
  // every 10 s.
  absl::Duration heartbeat_timeout = absl::Seconds(25);
  // The longest that a binding token is believed to last, whatever the clocks
  // say, and how long before its end it is replaced.
  absl::Duration token_lifetime = absl::Hours(1);
  absl::Duration token_margin = absl::Minutes(5);
  // Clocks are looked at at least this often: condition variables stand still
  // while the machine is suspended.
  absl::Duration tick = absl::Seconds(1);
};

enum class PerType : uint8_t {
  // A Subscription for each Interaction: so it is told what happened.
  kEachInteraction,
  // One, where the server allows no more: any event may be a delete.
  kOne,
};

// Used by one thread; what the socket tells comes from another.
class SubscriptionSet {
 public:
  // `notify` is called from the socket's thread.  All that is referred to
  // outlives the set.
  SubscriptionSet(Api& api, WebSocketConnector& sockets, const Clock& clock,
                  const SubscriptionSetOptions& options, PerType per_type,
                  std::function<void(Notification)> notify,
                  FrameCounters& counters);
  // Closes the socket.
  ~SubscriptionSet();
  SubscriptionSet(const SubscriptionSet&) = delete;
  SubscriptionSet& operator=(const SubscriptionSet&) = delete;

  // Creates the Subscriptions and binds each before the next is made: what a
  // crash leaves behind unbound counts for the server's limit for 24 h.  Called
  // once, first.
  //
  // FailedPrecondition, PermissionDenied, Unauthenticated, ResourceExhausted:
  // a person must help, and the message says how.  Else as Api and
  // WebSocketConnector; Unavailable where the server does not bind in time.
  absl::Status Open(const std::stop_token& stop);

  // Waits until `moment` (Clock::SinceBoot): OK.  Before that, an error as soon
  // as the set is dead: the socket ended, is silent, lost a Subscription, or
  // says what is not understood.
  absl::Status WaitUntil(absl::Duration moment, const std::stop_token& stop);

  // Binds all again with new tokens; waits as Open does.
  absl::Status Rebind(const std::stop_token& stop);

  // Asks the server whether it would bind one of them, each time the next: a
  // server does not say that a login was revoked, a feature taken away or a
  // Subscription lost; events just stop.  An error where it would not; OK where
  // nothing can be known now.
  absl::Status Probe();

  // When Rebind is due (Clock::SinceBoot).
  absl::Duration rebind_at() const { return rebind_at_; }

  // All that were created.
  const std::vector<std::string>& ids() const { return ids_; }

 private:
  // One Subscription.
  struct Member {
    std::string type;
    std::vector<Interaction> interactions;
    bool is_bound = false;
    // A handshake is expected.
    bool is_binding = false;
  };

  absl::Status Subscribe(const std::string& type, PerType per_type,
                         const std::stop_token& stop);
  absl::StatusOr<std::string> Create(const std::string& type,
                                     std::span<const Interaction> interactions);
  // Connects where there is no socket, binds, and waits for the handshakes.
  // `tokens`: in the order of `ids`.
  absl::Status Bind(std::span<const std::string> ids,
                    const std::vector<BindingToken>& tokens,
                    const std::stop_token& stop);
  // Rebind is then due before it ends.
  absl::StatusOr<BindingToken> GetToken(const std::string& id);
  absl::Status Connect(const std::string& url, const std::stop_token& stop);
  // The refusal `status`, in words that say what to grant.
  absl::Status Explain(const absl::Status& status, std::string_view what);

  void OnText(std::string_view text);
  // Under mutex_.
  absl::Status OnHandshake(const SubscriptionFrame& frame);
  absl::Status OnHeartbeat(const SubscriptionFrame& frame);
  bool FindEvent(SubscriptionFrame& frame, Notification& notification);
  void Die(absl::Status why);

  // Waits until `done` holds, `moment` is reached (false) or the set is dead.
  template <typename Condition>
  absl::StatusOr<bool> Wait(absl::Duration moment, const std::stop_token& stop,
                            Condition done);

  Api& api_;
  WebSocketConnector& sockets_;
  const Clock& clock_;
  const SubscriptionSetOptions& options_;
  const PerType per_type_;
  const std::function<void(Notification)> notify_;
  FrameCounters& counters_;

  std::vector<std::string> ids_;
  size_t probed_ = 0;
  absl::Duration rebind_at_ = absl::InfiniteDuration();

  // Guards what follows, up to the socket.
  std::mutex mutex_;
  std::condition_variable_any changed_;
  StringMap<Member> members_;  // By id.
  size_t binding_ = 0;         // How many members are.
  // Whether the first handshakes all came: only then are heartbeats due.
  bool is_open_ = false;
  absl::Duration last_heartbeat_ = absl::ZeroDuration();
  absl::Status death_;

  std::string url_;  // Of the socket.
  // Last: its callbacks use the rest.
  std::unique_ptr<WebSocket> socket_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_SUBSCRIPTION_SET_H_

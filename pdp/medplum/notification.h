// Notification: a server's word that something may have changed.
//
// It is a hint to read again, never the truth: frames do not
// tell a delete from an update, deletes that were rolled back are told, and
// anybody may replay what is not covered by a signature.

#ifndef PDP_MEDPLUM_NOTIFICATION_H_
#define PDP_MEDPLUM_NOTIFICATION_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::medplum {

enum class Interaction : uint8_t { kCreate, kUpdate, kDelete };

struct Notification {
  fhir::ResourceKey key;
  // For which interaction the Subscription was made: with a channel per
  // interaction this is how a delete is told.
  Interaction interaction = Interaction::kUpdate;
  // Of the version that was sent; empty with a delete, or where there is none.
  std::string version_id;
};

// What a feed of notifications (web_socket_channel.h, rest_hook.h) tells.
// Called from a thread of the feed, and must not wait.
struct NotificationSink {
  std::function<void(Notification)> notify;
  // Every subscription is bound, or bound again after a gap: all that was
  // missed must be found by a sweep now.
  std::function<void()> connected;
  // No notification can be expected until `connected`.  The message says why
  // and, where a person can help, what to do.
  std::function<void(absl::Status)> disconnected;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_NOTIFICATION_H_

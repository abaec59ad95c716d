// The messages of a WebSocket of Subscriptions: what is sent,
// and what a frame from the server says.

#ifndef PDP_MEDPLUM_SUBSCRIPTION_FRAMES_H_
#define PDP_MEDPLUM_SUBSCRIPTION_FRAMES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::medplum {

struct SubscriptionFrame {
  enum class Kind : uint8_t {
    kPong,
    kHandshake,  // A Subscription is bound on this socket.
    kHeartbeat,  // The Subscriptions that are bound on this socket.
    kEvent,      // Something of what one Subscription watches has changed.
  };
  Kind kind = Kind::kPong;
  // The ids of the Subscriptions spoken of; exactly one with kEvent.
  std::vector<std::string> subscriptions;
  // With kEvent: what changed, and the version that was sent, if one was.  For
  // a delete that is the last living version.
  fhir::ResourceKey focus;
  std::string version_id;
};

// Nothing of the resource in an event is looked at but its type, its id, which
// must be those of the focus, and its versionId.
//
// FailedPrecondition: an OperationOutcome; the message has its text.
// InvalidArgument: anything else that is not one of the frames above.
absl::StatusOr<SubscriptionFrame> ParseSubscriptionFrame(std::string_view text);

// Binds the Subscription of a binding token on the socket.
std::string BindMessage(std::string_view token);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_SUBSCRIPTION_FRAMES_H_

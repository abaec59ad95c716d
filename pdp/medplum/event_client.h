// EventClient: creates resources at a Medplum server, each unless it is there,
// under the login of one ClientApplication.

#ifndef PDP_MEDPLUM_EVENT_CLIENT_H_
#define PDP_MEDPLUM_EVENT_CLIENT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pdp/medplum/session.h"

namespace pdp::medplum {

// A resource of the type AuditEvent.
struct ConditionalEvent {
  // A search that finds it once it is there: percent-encoded parameters.
  std::string condition;
  std::string_view json;
};

// Thread-safe.
class EventClient {
 public:
  // As Session::Open.
  static absl::StatusOr<std::unique_ptr<EventClient>> Open(
      SessionOptions options);

  // By one batch, which may be sent again.  The errors of the whole are those
  // of Api, and ResourceExhausted: the server takes no batch of this size.  Of
  // each event: OK, it was created; AlreadyExists; or an error as of Api.
  absl::StatusOr<std::vector<absl::Status>> CreateEvents(
      absl::Span<const ConditionalEvent> events);

  // Ends all calls, now and later, with Cancelled.
  void Stop() { session_->Stop(); }

 private:
  explicit EventClient(std::unique_ptr<Session> session)
      : session_(std::move(session)) {}

  const std::unique_ptr<Session> session_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_EVENT_CLIENT_H_

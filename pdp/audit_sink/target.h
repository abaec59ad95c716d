// Target: where events are posted.

#ifndef PDP_AUDIT_SINK_TARGET_H_
#define PDP_AUDIT_SINK_TARGET_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace pdp::audit_sink {

struct PostedEvent {
  std::string_view identity;
  std::string_view json;
};

class Target {
 public:
  virtual ~Target() = default;

  // Creates each event, unless one of its identity is there.  A failure of the
  // whole, or what became of each:
  //   OK                it was created
  //   AlreadyExists     it was there
  //   InvalidArgument   the server will never take it
  //   Unauthenticated, PermissionDenied: the login may not
  //   others            it may be taken later
  virtual absl::StatusOr<std::vector<absl::Status>> Post(
      absl::Span<const PostedEvent> events) = 0;

  // Ends Post, now and later.
  virtual void Stop() = 0;
};

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_TARGET_H_

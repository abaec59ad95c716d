// EventSinks: the sinks of the audit log that the settings ask for, one for
// each login at the Medplum server.

#ifndef PDP_EVENT_SINKS_H_
#define PDP_EVENT_SINKS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit/segment.h"
#include "pdp/audit_sink/sink.h"
#include "pdp/service/settings.h"

namespace pdp {

// Thread-safe.
class EventSinks {
 public:
  // To be called once the log is there and before anything is recorded.  Null:
  // the settings ask for none.
  static absl::StatusOr<std::unique_ptr<EventSinks>> Start(
      const service::Settings& settings);

  // Whether one of them has yet to read this segment.
  bool Need(const audit::SegmentName& name) const;

  // One for each.
  std::vector<audit_sink::SinkStatus> Status() const;

 private:
  EventSinks() = default;

  std::vector<std::unique_ptr<audit_sink::Sink>> sinks_;
};

}  // namespace pdp

#endif  // PDP_EVENT_SINKS_H_

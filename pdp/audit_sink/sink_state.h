// What a sink knows from one run of the server to the next: how far it has read
// the log, what it has not folded to the end, and what it is about to post.

#ifndef PDP_AUDIT_SINK_SINK_STATE_H_
#define PDP_AUDIT_SINK_SINK_STATE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/audit_sink/log_cursor.h"

namespace pdp::audit_sink {

// Records that become one event.  Its identity is that of the first one read.
struct OpenFold {
  std::string identity;
  std::string record;  // That record, as JSON.
  uint64_t count = 0;
  absl::Time first;
  absl::Time last;
  absl::Time window_ends;
};

// An event as it is posted, again and again until it is there: what it says
// under its identity never changes.
struct PendingEvent {
  std::string identity;
  absl::Time time;  // Of the (first) record.
  std::string json;
  // The server did not take it with references.
  bool is_without_references = false;
};

struct SinkState {
  Positions positions;
  std::map<std::string, OpenFold> folds;  // By FoldKey.
  std::deque<PendingEvent> pending;

  // Nothing where there is no such file.  DataLoss: it is not a state.
  static absl::StatusOr<std::optional<SinkState>> Read(const std::string& path);
  // In place of the file, lastingly.
  absl::Status Write(const std::string& directory,
                     const std::string& name) const;
};

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_SINK_STATE_H_

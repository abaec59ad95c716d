// LogReader: the records of audit logs, in the order of time, read as they are
// needed and never kept.

#ifndef PDP_AUDIT_LOG_READER_H_
#define PDP_AUDIT_LOG_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/segment.h"

namespace pdp::audit {

// What is looked for: records of a time, both ends included.
struct Selection {
  absl::Time from = absl::InfinitePast();
  absl::Time to = absl::InfiniteFuture();
  // Lines without this text are passed over unread, defects included.
  std::string containing;
};

// A record and where it is.  Valid while it is visited.
struct FoundRecord {
  const RecordParser& parsed;
  std::string_view json;  // As LineRecords has it (line_records.h).
  std::string_view file;
  uint64_t line = 0;
};

// A line that is no record.
struct Defect {
  std::string file;
  uint64_t line = 0;
  std::string reason;

  // "FILE:LINE: reason".
  std::string ToString() const;
};

// A record with what it needs to live on.
struct OwnedRecord {
  RecordParser parsed;
  std::string json;
};

// Immutable; thread-safe.
class LogReader {
 public:
  // Of directories of segments: a server's own, and archives.  A segment that
  // is in several is read once.  Unavailable: one cannot be listed.
  static absl::StatusOr<LogReader> Open(
      const std::vector<std::string>& directories);

  using Visitor = std::function<bool(const FoundRecord&)>;
  using OnDefect = std::function<void(const Defect&)>;

  // Visits each record, also those that the log makes of itself, until
  // `visitor` returns false.  Unavailable: a file cannot be read.
  absl::Status ForEach(const Selection& selection, const Visitor& visitor,
                       const OnDefect& on_defect) const;

  // The record of what was decided, by its id; nothing where there is none.
  // Looks where the time in the id says.  InvalidArgument: no decision's id.
  absl::StatusOr<std::optional<OwnedRecord>> FindDecision(
      std::string_view decision_id) const;

 private:
  struct Segment {
    SegmentName name;
    std::string path;
    absl::Time end;  // When the next one of its chain was started.
  };
  class Cursor;

  // By chain, each in the order of its records.
  std::vector<std::vector<Segment>> chains_;
};

// When the UUID of version 7 was made, to a millisecond; nothing where `id` is
// none.
std::optional<absl::Time> TimeOfId(std::string_view id);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_LOG_READER_H_

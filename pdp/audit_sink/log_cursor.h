// LogCursor: the records of an audit log that is being written to, each once,
// from where an earlier reader of it stopped.

#ifndef PDP_AUDIT_SINK_LOG_CURSOR_H_
#define PDP_AUDIT_SINK_LOG_CURSOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/audit/segment.h"

namespace pdp::audit_sink {

// How far a chain has been read.
struct ChainPosition {
  uint64_t segment = 0;  // Its number.
  uint64_t offset = 0;   // Of the first line in it that was not read.
  std::string chain;     // As its header has it; empty: not read yet.
};

// By the chain's number.
using Positions = std::map<uint32_t, ChainPosition>;

// A whole line of the log.
struct LogLine {
  std::string_view chain;
  std::string_view text;
};

// For one thread at a time.
class LogCursor {
 public:
  // Segments are looked for in `directory`, then in `archive`, which may be
  // empty.
  LogCursor(std::string directory, std::string archive, Positions positions)
      : directory_(std::move(directory)),
        archive_(std::move(archive)),
        positions_(std::move(positions)) {}

  // Where a log is to be read from so that nothing of what is there now is.
  static absl::StatusOr<Positions> End(const std::string& directory);

  // Sees what is in the log by now.  What was appended since the last call is
  // not read before the next one: a write that fails is cut off again.
  absl::Status Look();

  using Visitor = std::function<void(const LogLine&)>;
  // Visits lines of each chain in turn, some of each, while `wants_more`.
  // Returns whether there may be more.
  absl::StatusOr<bool> Read(const Visitor& visitor,
                            const std::function<bool()>& wants_more);

  const Positions& positions() const { return positions_; }
  // Of what was there at the last Look.
  uint64_t unread_bytes() const;
  // Segments that were gone before they were read.
  uint64_t lost_segments() const { return lost_segments_; }

 private:
  struct Segment {
    audit::SegmentName name;
    std::string path;
    uint64_t size = 0;
    uint64_t readable = 0;  // Of its bytes.
  };
  // In the order of their numbers.
  using Chain = std::vector<Segment>;

  absl::Status List(const std::string& directory,
                    std::map<uint32_t, std::map<uint64_t, Segment>>& found);
  // Begins anew with chains whose log was replaced by another.
  void ResetReplaced(const std::vector<audit::SegmentName>& names);
  // The segment at the position, or the next one that is there; null where
  // there is none.
  const Segment* Current(const Chain& chain, ChainPosition& position);
  absl::StatusOr<bool> ReadSome(const Chain& chain, ChainPosition& position,
                                const Visitor& visitor,
                                const std::function<bool()>& wants_more);

  const std::string directory_;
  const std::string archive_;
  Positions positions_;
  std::map<uint32_t, Chain> chains_;
  uint64_t lost_segments_ = 0;
};

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_LOG_CURSOR_H_

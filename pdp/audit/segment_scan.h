// Reading a segment as far as its records follow from each other.

#ifndef PDP_AUDIT_SEGMENT_SCAN_H_
#define PDP_AUDIT_SEGMENT_SCAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/audit/segment.h"
#include "pdp/audit/torn_tail.h"
#include "pdp/fhir/json.h"

namespace pdp::audit {

// The first record of a segment.
struct SegmentHeader {
  uint64_t seq = 0;
  uint64_t format = 0;
  std::string chain;
  uint64_t segment = 0;
  std::string server;
  std::optional<Hash> previous;  // Absent: the chain begins here.
  uint64_t previous_bytes = 0;
  std::string previous_left;
  uint64_t torn_bytes = 0;
  std::optional<Hash> torn;
  std::optional<uint64_t> lost_to;

  // Nothing where `json` is no header.
  static std::optional<SegmentHeader> Parse(fhir::JsonElement json);
  // What the header itself is hashed over.
  Hash LinkedTo() const { return previous.value_or(Hash{}); }
};

struct SegmentScan {
  uint64_t size = 0;  // Of the file.
  // Nothing where not even the header is whole.
  std::optional<SegmentHeader> header;
  Position end;        // The last record that follows from the one before.
  uint64_t bytes = 0;  // Up to the end of that.
  bool is_closed = false;
  bool is_rotated = false;  // Closed, and another segment follows.
  TornTail torn;            // What is after it.
};

// Unavailable: the file cannot be read.
absl::StatusOr<SegmentScan> ScanSegment(const std::string& path);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_SEGMENT_SCAN_H_

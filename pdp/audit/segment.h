// Segments: the files of the audit log.
//
//   directory := lock heads.jsonl segment*
//   segment   := header record* closing?         (each a line, line_writer.h)
//   name      := start "-" chain "-" number ".jsonl"
//
// The records of one chain are numbered through, over all of its segments and
// over restarts of the server, and so are its segments: what is missing leaves
// a gap.  The hash of a record is SHA-256 over the hash of the one before it
// (32 bytes; zeros for the very first) and its line without the member "hash".
// A header names the hash of the last record of the segment before.

#ifndef PDP_AUDIT_SEGMENT_H_
#define PDP_AUDIT_SEGMENT_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/audit/digest.h"

namespace pdp::audit {

// 1: each line is one record.  2: or several (record_line.h).
inline constexpr uint64_t kFormatVersion = 2;
inline constexpr char kLockName[] = "lock";
inline constexpr char kHeadsName[] = "heads.jsonl";

// `20260102T030405.678901Z-0003-00000017.jsonl`: the names of one server's
// segments sort by the time at which they were started.
struct SegmentName {
  absl::Time start;
  uint32_t chain = 0;
  uint64_t number = 0;  // From 1.

  std::string ToString() const;
  static std::optional<SegmentName> Parse(std::string_view name);
};

// The segments in `directory`, by chain and then by number.
absl::StatusOr<std::vector<SegmentName>> ListSegments(
    const std::string& directory);

// The last record of a chain, or where it is to begin.
struct Position {
  uint64_t seq = 0;
  Hash head{};
};

// The kinds of the records that the log makes of itself.
inline constexpr std::string_view kHeaderKind = "segment";
inline constexpr std::string_view kCheckpointKind = "checkpoint";
inline constexpr std::string_view kCloseKind = "close";
inline constexpr std::string_view kRemovalKind = "removal";
inline constexpr std::string_view kDroppedKind = "dropped";

// Why a segment was closed.
inline constexpr std::string_view kRotated = "rotated";  // Another follows.
inline constexpr std::string_view kStopped = "stopped";

// What the signature of a checkpoint is over.  `head` is the hash of the record
// before it.
std::string SignedText(std::string_view chain, uint64_t seq,
                       std::string_view head, std::string_view time,
                       std::string_view kind);

// A line without its line feed, taken apart.
struct ChainedLine {
  std::string_view hashed_part;  // All up to the hash, without "}".
  Hash hash;
};
std::optional<ChainedLine> SplitLine(std::string_view line);

// The hash that `line` should have after a record of the hash `previous`.
Hash LinkLine(Digest& digest, const Hash& previous, const ChainedLine& line);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_SEGMENT_H_

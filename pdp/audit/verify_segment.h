// Verifying one segment of an audit log.

#ifndef PDP_AUDIT_VERIFY_SEGMENT_H_
#define PDP_AUDIT_VERIFY_SEGMENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit/finding.h"
#include "pdp/audit/heads.h"
#include "pdp/audit/segment.h"
#include "pdp/audit/segment_scan.h"
#include "pdp/audit/signing_key.h"

namespace pdp::audit {

// What is known beforehand of a segment.
struct SegmentContext {
  std::string path;
  SegmentName name;
  std::string chain;
  // The end of the segment before, where that is there.
  std::optional<Position> previous;
  // The header of the segment after, where that is there.
  std::optional<SegmentHeader> next;
};

// A removal that the log tells of.
struct RemovedThrough {
  uint64_t segment = 0;
  Hash head{};
};

// What verifying adds up.
struct Tally {
  uint64_t segments = 0;
  uint64_t records = 0;  // Those of the log itself not counted.
  uint64_t checkpoints = 0;
  uint64_t signatures = 0;  // That were verified.
  // The latest, by where they were ("local", "archive") and by chain.
  std::map<std::pair<std::string, std::string>, RemovedThrough> removed;
  // By chain and seq: heads that were told of.  What is found right is taken
  // out.
  std::map<std::string, std::multimap<uint64_t, Head>> heads;
  // By chain: which of the public keys signed last.
  std::map<std::string, size_t> keys;
};

struct SegmentEnd {
  Position position;
  std::string close_reason;  // Empty: it is not closed.
};

// Adds what is wrong to `findings`.  `public_keys` are those of VerifyOptions
// (verify.h).  Unavailable: the file cannot be read.
absl::StatusOr<SegmentEnd> VerifySegment(
    const SegmentContext& context, const std::vector<SigningKey>& public_keys,
    Tally& tally, Findings& findings);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_VERIFY_SEGMENT_H_

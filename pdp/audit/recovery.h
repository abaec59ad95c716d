// Finding out where each chain of a directory is to be gone on with.

#ifndef PDP_AUDIT_RECOVERY_H_
#define PDP_AUDIT_RECOVERY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "pdp/audit/chain_writer.h"

namespace pdp::audit {

struct RecoveredChains {
  std::string log;  // Empty: the directory is new.
  // What each chain left off with.  Where `left` is empty, it was closed.
  std::map<uint32_t, PreviousSegment> chains;
};

// Reads the last segment of each chain, and the heads that were told of.  Files
// of no bytes, which a segment was to be started in, are removed; nothing else
// is changed.  FailedPrecondition: the directory has segments of several logs.
absl::StatusOr<RecoveredChains> Recover(const std::string& directory);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_RECOVERY_H_

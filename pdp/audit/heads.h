// Heads: the last records of chains, as they are told to others.  Whoever has a
// head can tell later whether the chain was cut before it, or changed.

#ifndef PDP_AUDIT_HEADS_H_
#define PDP_AUDIT_HEADS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/audit/digest.h"

namespace pdp::audit {

struct Head {
  std::string chain;  // As in the headers of its segments.
  uint64_t segment = 0;
  uint64_t seq = 0;
  Hash head{};
  absl::Time time;

  // `{"time":...,"chain":...,"segment":...,"seq":...,"head":...}`
  std::string ToJson() const;
};

// The heads among lines of JSON: a file of heads, or a log in which events
// `audit_head` are.  Other lines are passed over.
std::vector<Head> ParseHeads(std::string_view text);

// None where there is no such file.
absl::StatusOr<std::vector<Head>> ReadHeads(const std::string& path);

// In place of the file, at once and lastingly.
absl::Status WriteHeads(const std::string& directory,
                        const std::vector<Head>& heads);

// Chain 3 of a log: `0123456789abcdef.3`.
std::string ChainId(std::string_view log, uint32_t chain);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_HEADS_H_

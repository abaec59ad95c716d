// What stands in a segment after its last whole record.

#ifndef PDP_AUDIT_TORN_TAIL_H_
#define PDP_AUDIT_TORN_TAIL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "pdp/audit/digest.h"

namespace pdp::audit {

struct TornTail {
  uint64_t bytes = 0;
  Hash digest{};
};

// Of the file from its byte `begin` on.
absl::StatusOr<TornTail> ReadTornTail(const std::string& path, uint64_t begin);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_TORN_TAIL_H_

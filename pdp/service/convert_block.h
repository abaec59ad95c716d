// Blocks in requests and answers.

#ifndef PDP_SERVICE_CONVERT_BLOCK_H_
#define PDP_SERVICE_CONVERT_BLOCK_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/policy/blocks.h"

namespace medplum::pdp::v1 {
class Block;
}

namespace pdp::service {

inline constexpr absl::Duration kMaxBlockDuration = absl::Hours(24 * 366);
inline constexpr size_t kMaxBlockReasonBytes = 200;

// InvalidArgument, beginning with `field: `, where nobody can be blocked by
// `target`.
absl::Status CheckBlockTarget(std::string_view field, std::string_view target);

// The block that a request asks for at `now`.  InvalidArgument names the field.
absl::StatusOr<policy::Block> ReadBlock(
    const ::medplum::pdp::v1::Block& message, absl::Time now);

void ConvertBlock(const policy::Block& block,
                  ::medplum::pdp::v1::Block& message);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONVERT_BLOCK_H_

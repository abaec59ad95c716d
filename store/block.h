// A stored block: who is denied, until when and why (policy/blocks.h).
//
//   block  :=  "1 " since " " until " " reason
//
// Both times are decimal microseconds since 1970.  Decoding is strict: anything
// else is DataLoss, as a block that cannot be read must not be passed over.

#ifndef STORE_BLOCK_H_
#define STORE_BLOCK_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::store {

struct Block {
  fhir::ResourceKey target;
  absl::Time since;  // To the microsecond.
  absl::Time until;  // Likewise.
  std::string reason;

  friend bool operator==(const Block&, const Block&) = default;
};

// The target is not part of it.
std::string EncodeBlock(const Block& block);
absl::StatusOr<Block> DecodeBlock(fhir::ResourceKey target,
                                  std::string_view encoded);

}  // namespace pdp::store

#endif  // STORE_BLOCK_H_

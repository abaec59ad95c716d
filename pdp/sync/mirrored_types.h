// What of a Medplum server is kept in the store, by resource type.

#ifndef PDP_SYNC_MIRRORED_TYPES_H_
#define PDP_SYNC_MIRRORED_TYPES_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "store/history_options.h"

namespace pdp::sync {

enum class Mirrored : uint8_t {
  // Every resource and every tombstone: what is not in the store does not
  // exist, once the first load is complete.
  kWhole,
  // Tombstones alone.  A deleted profile ends every request of its members, an
  // absent or live one is the same to a decision (semantics S-1); so nothing
  // of a patient but the id of a deleted one is kept.
  kTombstones,
};

struct MirroredType {
  std::string_view name;
  Mirrored kept = Mirrored::kWhole;
};

// In the order in which a first load takes them: what others name comes before
// what names it.
std::span<const MirroredType> MirroredTypes();

// Null where nothing of `type` is kept.
const MirroredType* FindMirroredType(std::string_view type);

// What of the past is kept, from whichever source it is: all that says what a
// member may do, and since when a profile was deleted.
store::HistoryOptions MirroredHistory();

}  // namespace pdp::sync

#endif  // PDP_SYNC_MIRRORED_TYPES_H_

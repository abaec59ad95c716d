// What of the past a store keeps: of some types of resources every version that
// was in force here, and who was blocked.
//
// Each Apply and ApplyBlocks makes a revision; a version is in force from the
// revision that brought it to the one that replaced it.  `history` holds what
// was replaced, under the revision from which it had been in force; nothing of
// what is in force now.  So what was in force at a revision is what is current,
// where that is not younger, or else the last older entry: one seek.
//
// When a revision began is kept once for each, and never goes back: where the
// clock is set back, revisions begin one microsecond after the other until it
// has caught up.
//
// History begins when it is told to, once a source was read whole: of before
// that nothing is known.  In `meta`:
//
//   history  :=  types LF [ revision " " microseconds since 1970 ]
//
// Until the second line is whole, it has not begun.

#ifndef STORE_HISTORY_H_
#define STORE_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"
#include "store/history_options.h"
#include "store/record.h"
#include "store/rocks.h"

namespace pdp::store {

enum class Kept : uint8_t { kNothing, kDeletions, kWhole };
Kept KeptOf(const HistoryOptions& options, std::string_view type);

// Where history begins: at `time`, `revision` was in force.
struct HistoryBegin {
  uint64_t revision = 0;
  absl::Time time;
};

// What `history` of `meta` says.  Nothing where history has not begun, or that
// of other types has.
absl::StatusOr<std::optional<HistoryBegin>> ReadHistoryBegin(
    const Rocks& rocks, const HistoryOptions& options,
    const rocksdb::Snapshot* snapshot);
absl::Status PutHistoryBegin(const Rocks& rocks, const HistoryOptions& options,
                             const std::optional<HistoryBegin>& begin,
                             rocksdb::WriteBatch& batch);

// Adds to `batch` that all of history is forgotten and has not begun.
absl::Status ForgetHistory(const Rocks& rocks, const HistoryOptions& options,
                           rocksdb::WriteBatch& batch);

// Adds to `batch`, which makes `revision`, that `before` is current no more;
// `next` is.  Both may be null.
absl::Status PutReplaced(const Rocks& rocks, const HistoryOptions& options,
                         uint64_t revision, const fhir::ResourceKey& key,
                         const CurrentRecord* before, const Record* next,
                         rocksdb::WriteBatch& batch);

// Likewise that `block`, as it is encoded, has taken the place of what `target`
// had; empty: none.
absl::Status PutBlockHistory(const Rocks& rocks, uint64_t revision,
                             const fhir::ResourceKey& target,
                             std::string_view block,
                             rocksdb::WriteBatch& batch);

absl::Status PutRevisionTime(const Rocks& rocks, uint64_t revision,
                             absl::Time time, rocksdb::WriteBatch& batch);

// When the last revision began of which that is known; 1970 where of none.
absl::StatusOr<absl::Time> LastRevisionTime(const Rocks& rocks);

// The last revision that began at `time` or before; nothing where none did.
absl::StatusOr<std::optional<uint64_t>> RevisionAt(
    const Rocks& rocks, absl::Time time, const rocksdb::Snapshot* snapshot);

}  // namespace pdp::store

#endif  // STORE_HISTORY_H_

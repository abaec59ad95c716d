// What the files of Store share.

#ifndef STORE_IMPL_H_
#define STORE_IMPL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/base/mutex.h"
#include "store/history.h"
#include "store/identity.h"
#include "store/keys.h"
#include "store/rocks.h"
#include "store/store.h"

namespace pdp::store {

struct Store::Impl {
  // Counts a failed call.
  absl::Status Counted(absl::Status status) const {
    if (!status.ok()) errors.fetch_add(1, std::memory_order_relaxed);
    return status;
  }

  // Writes `batch` and the revision of `applied`, durably, and tells the
  // observers where that is a new one.  `changes` is for the statistics.
  absl::Status Commit(rocksdb::WriteBatch& batch, const Applied& applied,
                      size_t changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mutex);

  // Likewise what concerns the past alone and makes no revision.
  absl::Status CommitHistory(rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mutex);

  // When a revision that is made now begins.
  absl::Time NextTime() const ABSL_SHARED_LOCKS_REQUIRED(apply_mutex);

  // How far a sweep of the history has come.
  struct HistorySweep {
    std::optional<size_t> part;  // Nothing: none is under way.
    std::string position;
  };

  std::string directory;
  size_t write_buffer_bytes = 0;
  HistoryOptions history;
  std::unique_ptr<Identity> identity ABSL_GUARDED_BY(apply_mutex);
  std::unique_ptr<Rocks> rocks;  // Closed before the lock is given up.

  mutable Mutex apply_mutex;  // Held for all of one Apply.
  std::vector<std::pair<int, Observer>> observers ABSL_GUARDED_BY(apply_mutex);
  int next_observer ABSL_GUARDED_BY(apply_mutex) = 0;
  // RocksDB takes nothing more until it is told to go on.
  bool write_failed ABSL_GUARDED_BY(apply_mutex) = false;
  std::optional<HistoryBegin> history_begin ABSL_GUARDED_BY(apply_mutex);
  absl::Time last_time ABSL_GUARDED_BY(apply_mutex);  // Of a revision.
  HistorySweep sweep ABSL_GUARDED_BY(apply_mutex);

  std::atomic<uint64_t> revision{0};
  std::atomic<uint64_t> applied_batches{0};
  std::atomic<uint64_t> applied_changes{0};
  mutable std::atomic<uint64_t> errors{0};
};

// A consistent state of the database, for reads that belong together.
class Snapshot {
 public:
  explicit Snapshot(const Rocks& rocks)
      : rocks_(rocks), snapshot_(rocks.db().GetSnapshot()) {}
  ~Snapshot() { rocks_.db().ReleaseSnapshot(snapshot_); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  const Rocks& rocks_;
  const rocksdb::Snapshot* const snapshot_;
};

// The value of `key`; nothing where there is none.  `snapshot` may be null.
absl::StatusOr<std::optional<std::string>> GetValue(
    const Rocks& rocks, ColumnFamily family, std::string_view key,
    const rocksdb::Snapshot* snapshot);

// Adds to `batch` that the store is at `revision`.
absl::Status PutRevision(const Rocks& rocks, uint64_t revision,
                         rocksdb::WriteBatch& batch);

// What is current of `key`, likewise.
absl::StatusOr<std::optional<CurrentRecord>> GetCurrent(
    const Rocks& rocks, const fhir::ResourceKey& key,
    const rocksdb::Snapshot* snapshot);
absl::StatusOr<std::optional<Record>> GetRecord(
    const Rocks& rocks, const fhir::ResourceKey& key,
    const rocksdb::Snapshot* snapshot);

// The current records of `keys`, in their order.
absl::StatusOr<std::vector<std::optional<Record>>> GetRecords(
    const Rocks& rocks, std::span<const fhir::ResourceKey> keys);

// Calls `visit(key, value)` for each key but the family's revision that begins
// with `prefix`, in order, until it returns false or a Status that is not OK.
template <typename Visitor>
absl::Status ForEachWithPrefix(const Rocks& rocks, ColumnFamily family,
                               std::string_view prefix,
                               const rocksdb::Snapshot* snapshot,
                               Visitor&& visit, std::string_view after = "") {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      rocks.db().NewIterator(options, rocks.family(family)));
  const std::string begin = StrCat(prefix, after);
  for (iterator->Seek(ToSlice(begin)); iterator->Valid(); iterator->Next()) {
    const std::string_view key = ToView(iterator->key());
    if (!key.starts_with(prefix)) break;
    if (key == kFamilyRevisionKey || (!after.empty() && key == begin)) continue;
    const absl::StatusOr<bool> more = visit(key, ToView(iterator->value()));
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  return FromRocks(iterator->status());
}

}  // namespace pdp::store

#endif  // STORE_IMPL_H_

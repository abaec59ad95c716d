// Store keeps resources on disk, with the indexes by which they are found and
// the cursors up to which their sources were read.
//
// Thread-safe.  Apply calls take their turn; reads run beside them and beside
// each other, each on one consistent state.
//
// A Store keeps the bytes that it is given and never looks into them: what it
// indexes is in the Change.  What it cannot read is an error, never absent.
//
// On disk, below Options::directory:
//
//   STORE  :=  one line: the format, and the last acknowledged revision
//   db/    :=  a RocksDB
//
// STORE makes a lost tail visible.  RocksDB takes some damage to its write-
// ahead log or manifest for a write that a crash cut short, and opens as if
// what follows had never been written: a revocation would be un-applied.  A
// store whose own revision is behind STORE's, or whose column families are at
// different revisions, is refused.

#ifndef STORE_STORE_H_
#define STORE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"
#include "store/block.h"
#include "store/history_options.h"
#include "store/history_view.h"
#include "store/record.h"

namespace pdp::store {

struct Options {
  // Made where it does not exist.  One that holds anything else is refused.
  std::string directory;
  // Of uncompressed blocks read from disk, indexes and filters included.
  size_t block_cache_bytes = size_t{64} << 20;
  // What is kept in memory before it goes to a table file, all column families
  // together.
  size_t write_buffer_bytes = size_t{8} << 20;
  HistoryOptions history;
};

struct Change {
  enum class Kind : uint8_t {
    // `record` is the current, live version.  What was current is forgotten.
    kPut,
    // `record` is a tombstone.  A live version that was current moves to the
    // older versions and becomes the tombstone's `last_version`, unless the
    // record names another.
    kDelete,
    // Nothing is known of the resource any more: no tombstone, no versions.
    kErase,
    // `record` is an older, live version.
    kPutVersion,
    // The older version `record.version_id` is forgotten.
    kEraseVersion,
  };

  Kind kind = Kind::kPut;
  fhir::ResourceKey key;
  Record record;
};

// How far a source was read.
struct Cursor {
  std::string source;                   // The source's name.
  std::string project;                  // Empty: all.
  std::string type;                     // Empty: all.
  std::optional<std::string> position;  // Nothing: forget this cursor.
};

// What one Apply changed.
struct Applied {
  uint64_t revision = 0;
  std::vector<fhir::ResourceKey> keys;  // In the order of the changes.
  // The references whose set of ProjectMemberships may be another now.
  std::vector<std::string> subjects;
};

struct Statistics {
  uint64_t revision = 0;
  uint64_t resources = 0;  // Estimates of RocksDB's, tombstones included.
  uint64_t versions = 0;
  uint64_t history_versions = 0;
  uint64_t history_bytes = 0;  // Of live table files.
  absl::Time history_begins = absl::InfiniteFuture();
  uint64_t disk_bytes = 0;       // Of all live table files.
  uint64_t memory_bytes = 0;     // Block cache and write buffers in use.
  uint64_t applied_batches = 0;  // Since Open.
  uint64_t applied_changes = 0;
  uint64_t errors = 0;  // Reads and writes that failed.
};

class Store {
 public:
  // Opens the store, or makes a new one.
  //
  // FailedPrecondition: the directory holds something else, a store of another
  // format, or a store that is open already, here or in another process.
  // DataLoss: the store is damaged.
  // Unavailable: the file system refuses.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const Options& options);

  // REQUIRES: no other call is running.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Applies `changes`, in order, and moves `cursors`: all of it or nothing, and
  // durable when it returns.  The revision rises by one where there are
  // changes.  Applying the same twice leaves the same resources, so a source
  // may go back to its cursor after a crash.
  //
  // InvalidArgument: a key, project, versionId, subject or cursor that cannot
  // be part of a key; nothing was applied.
  // Unavailable: the file system refuses, the disk is full; where the revision
  // did not rise nothing was applied.  Reads go on, and so does Apply once
  // there is room again.  Returns the revision.
  absl::StatusOr<uint64_t> Apply(std::span<const Change> changes,
                                 std::span<const Cursor> cursors);

  // Keeps the blocks `put`, each in the place of one of its target, and forgets
  // those of the targets `erased`: all of it or nothing, and durable when it
  // returns.  The revision rises by one: who is denied is part of the data.
  absl::StatusOr<uint64_t> ApplyBlocks(
      std::span<const Block> put, std::span<const fhir::ResourceKey> erased);

  // All blocks, ended ones too, ordered by target.
  absl::StatusOr<std::vector<Block>> Blocks() const;

  // The current version or tombstone; nothing where `key` is not known.
  absl::StatusOr<std::optional<Record>> Get(const fhir::ResourceKey& key) const;

  // Likewise for many keys, in their order.
  absl::StatusOr<std::vector<std::optional<Record>>> GetMany(
      std::span<const fhir::ResourceKey> keys) const;

  // One older version; nothing where it is not known.
  absl::StatusOr<std::optional<Record>> GetVersion(
      const fhir::ResourceKey& key, std::string_view version_id) const;

  // Visits the live versions of `key` that are known, the older ones first,
  // until `visit` returns false.
  using Visitor =
      std::function<bool(const fhir::ResourceKey& key, Record record)>;
  absl::Status FindVersions(const fhir::ResourceKey& key,
                            const Visitor& visit) const;

  // Visits the live resources of `type` in `project` (in any, where it is
  // empty), in the order of their ids, from the one that follows `after`, until
  // `visit` returns false.
  absl::Status Scan(std::string_view type, std::string_view project,
                    const Visitor& visit, std::string_view after = "") const;

  // Visits the tombstones of `type`, likewise.
  absl::Status ScanTombstones(std::string_view type,
                              const Visitor& visit) const;

  // Visits the live ProjectMemberships with the subject `reference`, likewise.
  absl::Status FindMemberships(std::string_view reference,
                               const Visitor& visit) const;

  // Visits every resource and tombstone, ordered by type and id; or every older
  // version, ordered by type, id and versionId.
  absl::Status ScanAll(const Visitor& visit) const;
  absl::Status ScanAllVersions(const Visitor& visit) const;

  absl::StatusOr<std::optional<std::string>> GetCursor(
      std::string_view source, std::string_view project,
      std::string_view type) const;

  // All cursors.
  absl::StatusOr<std::vector<Cursor>> Cursors() const;

  // The revision of the last Apply that was acknowledged.
  uint64_t revision() const;

  // The revision that reads see now: while an Apply ends it is ahead of what is
  // acknowledged.
  absl::StatusOr<uint64_t> ReadRevision() const;

  // From now on what is replaced is kept (history.h), where it was not already:
  // to be called once what was applied is whole.
  absl::Status BeginHistory();

  // Forgets all that was kept of the past.  It is kept no more until
  // BeginHistory is called.
  absl::Status RestartHistory();

  // Forgets what had been replaced at `before` already, a part of at most
  // `max_entries` with each call; true: all of it is done.  The past begins at
  // `before` then.
  absl::StatusOr<bool> SweepHistory(absl::Time before, size_t max_entries);

  // What was in force here at `time`, or was when `time` was noted with
  // `revision`.  Must not outlive the store.
  // OutOfRange, saying why: nothing is kept of it.
  absl::StatusOr<std::unique_ptr<HistoryView>> HistoryAt(absl::Time time) const;
  absl::StatusOr<std::unique_ptr<HistoryView>> HistoryAt(uint64_t revision,
                                                         absl::Time time) const;

  // Makes a copy that Open accepts, of one state of the store, in `directory`,
  // which must not exist.  Files are hard links where the file system allows
  // it.  A copy that was cut short is refused by Open.
  absl::Status Checkpoint(const std::string& directory) const;

  // Reads everything: checksums, records, blocks, and that resources and
  // indexes agree.
  absl::Status Verify() const;

  // Calls `observer` after each Apply or ApplyBlocks that raised the revision,
  // before that call returns and before the next begins.  It must not call
  // either, AddObserver or RemoveObserver.  RemoveObserver waits for a call
  // that is running.
  using Observer = std::function<void(const Applied&)>;
  int AddObserver(Observer observer);
  void RemoveObserver(int id);

  Statistics statistics() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  static absl::StatusOr<std::unique_ptr<Store>> OpenDirectory(
      const Options& options);

  std::unique_ptr<Impl> impl_;
};

}  // namespace pdp::store

#endif  // STORE_STORE_H_

// Store::Apply: changes become one WriteBatch, indexes included.

#include <sys/statvfs.h>

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "rocksdb/write_batch.h"
#include "store/history.h"
#include "store/impl.h"
#include "store/keys.h"
#include "store/store.h"

namespace pdp::store {
namespace {

constexpr size_t kRoomBytes = size_t{1} << 20;

absl::Status CheckRecord(const Change& change) {
  const Record& record = change.record;
  PDP_RETURN_IF_ERROR(CheckProject(record.project));
  const bool tombstone = change.kind == Change::Kind::kDelete;
  if (record.deleted != tombstone || record.bytes.empty() != tombstone) {
    return absl::InvalidArgumentError(
        "a live version has bytes, a tombstone has none");
  }
  if (!tombstone || !record.version_id.empty()) {
    PDP_RETURN_IF_ERROR(CheckVersionId(record.version_id));
  }
  if (!record.last_version.empty()) {
    PDP_RETURN_IF_ERROR(CheckVersionId(record.last_version));
  }
  if (!record.subjects.empty() && change.key.type != kMembershipType) {
    return absl::InvalidArgumentError("only a ProjectMembership has subjects");
  }
  for (const std::string& subject : record.subjects) {
    PDP_RETURN_IF_ERROR(CheckSubject(subject));
  }
  return absl::OkStatus();
}

absl::Status CheckChange(const Change& change) {
  PDP_RETURN_IF_ERROR(CheckKey(change.key));
  switch (change.kind) {
    case Change::Kind::kPut:
    case Change::Kind::kDelete:
    case Change::Kind::kPutVersion:
      return CheckRecord(change);
    case Change::Kind::kErase:
      return absl::OkStatus();
    case Change::Kind::kEraseVersion:
      return CheckVersionId(change.record.version_id);
  }
  return absl::InvalidArgumentError("a change of an unknown kind");
}

// The batch of one Apply.  Confined to it.
class BatchBuilder {
 public:
  // Of the batch that makes `revision`; `history` is null where none is kept.
  BatchBuilder(const Rocks& rocks, uint64_t revision,
               const HistoryOptions* history)
      : rocks_(rocks), revision_(revision), history_(history) {}

  // REQUIRES: CheckChange(change) is OK, and `change` outlives the builder.
  absl::Status Add(const Change& change) {
    applied_.keys.push_back(change.key);
    switch (change.kind) {
      case Change::Kind::kPut:
        return ReplaceCurrent(change.key, &change.record);
      case Change::Kind::kDelete:
        return Delete(change.key, change.record);
      case Change::Kind::kErase:
        PDP_RETURN_IF_ERROR(ReplaceCurrent(change.key, nullptr));
        return EraseVersions(change.key);
      case Change::Kind::kPutVersion:
        return PutVersion(change.key, change.record);
      case Change::Kind::kEraseVersion:
        return Erase(ColumnFamily::kVersions,
                     VersionsKey(change.key, change.record.version_id));
    }
    return absl::InternalError("a change of an unknown kind");
  }

  absl::Status Put(ColumnFamily family, std::string_view key,
                   std::string_view value) {
    return FromRocks(
        batch_.Put(rocks_.family(family), ToSlice(key), ToSlice(value)));
  }
  absl::Status Erase(ColumnFamily family, std::string_view key) {
    return FromRocks(batch_.Delete(rocks_.family(family), ToSlice(key)));
  }

  rocksdb::WriteBatch& batch() { return batch_; }
  Applied& applied() { return applied_; }

 private:
  // What will be current once the batch so far is written; null where nothing.
  absl::StatusOr<const CurrentRecord*> Current(const fhir::ResourceKey& key) {
    const auto known = current_.find(key);
    if (known != current_.end()) return known->second;
    PDP_ASSIGN_OR_RETURN(std::optional<CurrentRecord> stored,
                         GetCurrent(rocks_, key, /*snapshot=*/nullptr));
    const CurrentRecord* const current =
        stored ? Keep(*std::move(stored)) : nullptr;
    current_.emplace(key, current);
    return current;
  }

  const CurrentRecord* Keep(CurrentRecord current) {
    kept_.push_back(std::move(current));
    return &kept_.back();
  }

  absl::Status Delete(const fhir::ResourceKey& key, Record tombstone) {
    PDP_ASSIGN_OR_RETURN(const CurrentRecord* const current, Current(key));
    const Record* const before = RecordOf(current);
    if (IsLive(before)) PDP_RETURN_IF_ERROR(PutVersion(key, *before));
    if (before != nullptr && tombstone.last_version.empty()) {
      tombstone.last_version =
          before->deleted ? before->last_version : before->version_id;
    }
    return ReplaceCurrent(key, &tombstone);
  }

  absl::Status PutVersion(const fhir::ResourceKey& key, const Record& record) {
    const std::string versions_key = VersionsKey(key, record.version_id);
    put_versions_.insert(versions_key);
    return Put(ColumnFamily::kVersions, versions_key, EncodeRecord(record));
  }

  absl::Status EraseVersions(const fhir::ResourceKey& key) {
    const std::string prefix = VersionsPrefix(key);
    for (auto it = put_versions_.lower_bound(prefix);
         it != put_versions_.end() && it->starts_with(prefix); ++it) {
      PDP_RETURN_IF_ERROR(Erase(ColumnFamily::kVersions, *it));
    }
    return ForEachWithPrefix(
        rocks_, ColumnFamily::kVersions, prefix, /*snapshot=*/nullptr,
        [this](std::string_view versions_key,
               std::string_view) -> absl::StatusOr<bool> {
          PDP_RETURN_IF_ERROR(Erase(ColumnFamily::kVersions, versions_key));
          return true;
        });
  }

  // `next` may be null: nothing is known any more.
  absl::Status ReplaceCurrent(const fhir::ResourceKey& key,
                              const Record* next) {
    PDP_ASSIGN_OR_RETURN(const CurrentRecord* const before, Current(key));
    PDP_RETURN_IF_ERROR(IndexProject(key, RecordOf(before), next));
    PDP_RETURN_IF_ERROR(IndexSubjects(key, RecordOf(before), next));
    if (history_ != nullptr) {
      PDP_RETURN_IF_ERROR(
          PutReplaced(rocks_, *history_, revision_, key, before, next, batch_));
    }
    const std::string resources_key = ResourcesKey(key);
    if (next == nullptr) {
      current_[key] = nullptr;
      return Erase(ColumnFamily::kResources, resources_key);
    }
    current_[key] = Keep({.record = *next, .revision = revision_});
    return Put(ColumnFamily::kResources, resources_key,
               EncodeCurrent(*next, revision_));
  }

  static const Record* RecordOf(const CurrentRecord* current) {
    return current == nullptr ? nullptr : &current->record;
  }

  static bool IsLive(const Record* record) {
    return record != nullptr && !record->deleted;
  }

  absl::Status IndexProject(const fhir::ResourceKey& key, const Record* before,
                            const Record* next) {
    const std::string_view old_project =
        IsLive(before) ? before->project : std::string_view();
    const std::string_view new_project =
        IsLive(next) ? next->project : std::string_view();
    if (!old_project.empty() && old_project != new_project) {
      PDP_RETURN_IF_ERROR(Erase(ColumnFamily::kByProject,
                                ByProjectKey(key.type, old_project, key.id)));
    }
    if (new_project.empty()) return absl::OkStatus();
    return Put(ColumnFamily::kByProject,
               ByProjectKey(key.type, new_project, key.id), "");
  }

  absl::Status IndexSubjects(const fhir::ResourceKey& key, const Record* before,
                             const Record* next) {
    std::set<std::string> old_subjects;
    std::set<std::string> new_subjects;
    if (IsLive(before)) {
      old_subjects.insert(before->subjects.begin(), before->subjects.end());
    }
    if (IsLive(next)) {
      new_subjects.insert(next->subjects.begin(), next->subjects.end());
    }
    for (const std::string& subject : old_subjects) {
      if (new_subjects.contains(subject)) continue;
      applied_.subjects.push_back(subject);
      PDP_RETURN_IF_ERROR(Erase(ColumnFamily::kMembershipsBySubject,
                                BySubjectKey(subject, key.id)));
    }
    for (const std::string& subject : new_subjects) {
      if (!old_subjects.contains(subject)) applied_.subjects.push_back(subject);
      PDP_RETURN_IF_ERROR(Put(ColumnFamily::kMembershipsBySubject,
                              BySubjectKey(subject, key.id), ""));
    }
    return absl::OkStatus();
  }

  const Rocks& rocks_;
  const uint64_t revision_;
  const HistoryOptions* const history_;
  rocksdb::WriteBatch batch_;
  Applied applied_;
  absl::flat_hash_map<fhir::ResourceKey, const CurrentRecord*> current_;
  std::deque<CurrentRecord> kept_;
  std::set<std::string> put_versions_;  // Keys of this batch.
};

absl::Status AddCursor(const Cursor& cursor, BatchBuilder& builder) {
  PDP_RETURN_IF_ERROR(CheckCursorPart(cursor.source));
  PDP_RETURN_IF_ERROR(CheckCursorPart(cursor.project));
  PDP_RETURN_IF_ERROR(CheckCursorPart(cursor.type));
  const std::string key = CursorKey(cursor.source, cursor.project, cursor.type);
  if (!cursor.position) return builder.Erase(ColumnFamily::kMeta, key);
  return builder.Put(ColumnFamily::kMeta, key, *cursor.position);
}

// Brings a batch that is larger than the write buffer to its tables now.
// RocksDB would do it with the next write, however late that comes; and after a
// restart would hold all of the batch in memory once more.
void Flush(const Rocks& rocks) {
  // What fails here fails again in the next write, which then says so.
  rocks.db()
      .Flush(rocksdb::FlushOptions(),
             {rocks.families().begin(), rocks.families().end()})
      .PermitUncheckedError();
}

// A write that RocksDB could not end might not be taken up again without
// opening the database anew; so none is begun that could fill the disk.  A
// failing statvfs says nothing.
absl::Status CheckRoom(const std::string& directory, size_t bytes) {
  struct statvfs about;
  if (statvfs(directory.c_str(), &about) != 0) return absl::OkStatus();
  const uint64_t room = uint64_t{about.f_bavail} * about.f_frsize;
  if (room >= bytes) return absl::OkStatus();
  return absl::UnavailableError(StrCat("the disk is full: ", room,
                                       " bytes are left for `", directory,
                                       "`, and ", bytes, " have to be"));
}

}  // namespace

absl::Status PutRevision(const Rocks& rocks, uint64_t revision,
                         rocksdb::WriteBatch& batch) {
  const std::string text = std::to_string(revision);
  PDP_RETURN_IF_ERROR(FromRocks(batch.Put(rocks.family(ColumnFamily::kMeta),
                                          ToSlice(kRevisionKey), text)));
  for (const ColumnFamily family : kFamiliesBesideMeta) {
    PDP_RETURN_IF_ERROR(FromRocks(
        batch.Put(rocks.family(family), ToSlice(kFamilyRevisionKey), text)));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Store::Apply(std::span<const Change> changes,
                                      std::span<const Cursor> cursors) {
  for (const Change& change : changes) {
    const absl::Status status = CheckChange(change);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          StrCat(change.key.ToString(), ": ", status.message()));
    }
  }
  MutexLock lock(impl_->apply_mutex);
  const uint64_t next = revision() + (changes.empty() ? 0 : 1);
  BatchBuilder builder(*impl_->rocks, next,
                       impl_->history_begin ? &impl_->history : nullptr);
  for (const Change& change : changes) {
    PDP_RETURN_IF_ERROR(impl_->Counted(builder.Add(change)));
  }
  for (const Cursor& cursor : cursors) {
    PDP_RETURN_IF_ERROR(AddCursor(cursor, builder));
  }
  builder.applied().revision = next;
  PDP_RETURN_IF_ERROR(
      impl_->Commit(builder.batch(), builder.applied(), changes.size()));
  return builder.applied().revision;
}

absl::Status Store::Impl::Commit(rocksdb::WriteBatch& batch,
                                 const Applied& applied, size_t changes) {
  const bool is_new = applied.revision != revision.load();
  PDP_RETURN_IF_ERROR(PutRevision(*rocks, applied.revision, batch));
  const absl::Time time = NextTime();
  if (is_new) {
    PDP_RETURN_IF_ERROR(PutRevisionTime(*rocks, applied.revision, time, batch));
  }
  rocksdb::WriteOptions options;
  // Until it is replayed, a lost revocation permits.
  options.sync = true;
  // For the write-ahead log, and for the tables that what is in memory becomes.
  PDP_RETURN_IF_ERROR(Counted(CheckRoom(
      directory, kRoomBytes + 2 * (write_buffer_bytes + batch.GetDataSize()))));
  if (write_failed) {
    PDP_RETURN_IF_ERROR(Counted(FromRocks(rocks->db().Resume())));
    write_failed = false;
  }
  const rocksdb::Status written = rocks->db().Write(options, &batch);
  write_failed = !written.ok();
  PDP_RETURN_IF_ERROR(Counted(FromRocks(written)));
  if (is_new) last_time = time;
  revision.store(applied.revision, std::memory_order_release);
  applied_batches.fetch_add(1, std::memory_order_relaxed);
  applied_changes.fetch_add(changes, std::memory_order_relaxed);

  if (batch.GetDataSize() > write_buffer_bytes) Flush(*rocks);
  // The changes are durable, whatever becomes of the witness.
  const absl::Status witnessed = identity->Acknowledge(applied.revision);
  if (is_new) {
    for (const auto& [id, observer] : observers) observer(applied);
  }
  return Counted(witnessed);
}

}  // namespace pdp::store

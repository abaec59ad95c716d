// The reads of Store.

#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "store/impl.h"
#include "store/keys.h"
#include "store/store.h"

namespace pdp::store {

absl::StatusOr<std::optional<std::string>> GetValue(
    const Rocks& rocks, ColumnFamily family, std::string_view key,
    const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status =
      rocks.db().Get(options, rocks.family(family), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  PDP_RETURN_IF_ERROR(FromRocks(status));
  return value;
}

absl::StatusOr<std::optional<CurrentRecord>> GetCurrent(
    const Rocks& rocks, const fhir::ResourceKey& key,
    const rocksdb::Snapshot* snapshot) {
  PDP_ASSIGN_OR_RETURN(
      const std::optional<std::string> value,
      GetValue(rocks, ColumnFamily::kResources, ResourcesKey(key), snapshot));
  if (!value) return std::nullopt;
  PDP_ASSIGN_OR_RETURN(CurrentRecord current, DecodeCurrent(*value));
  return current;
}

absl::StatusOr<std::optional<Record>> GetRecord(
    const Rocks& rocks, const fhir::ResourceKey& key,
    const rocksdb::Snapshot* snapshot) {
  PDP_ASSIGN_OR_RETURN(std::optional<CurrentRecord> current,
                       GetCurrent(rocks, key, snapshot));
  if (!current) return std::nullopt;
  return std::move(current->record);
}

absl::StatusOr<std::vector<std::optional<Record>>> GetRecords(
    const Rocks& rocks, std::span<const fhir::ResourceKey> keys) {
  std::vector<std::string> texts;
  texts.reserve(keys.size());
  for (const fhir::ResourceKey& key : keys) texts.push_back(ResourcesKey(key));
  const std::vector<rocksdb::Slice> slices(texts.begin(), texts.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  rocks.db().MultiGet(rocksdb::ReadOptions(),
                      rocks.family(ColumnFamily::kResources), keys.size(),
                      slices.data(), values.data(), statuses.data());
  std::vector<std::optional<Record>> records(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    PDP_RETURN_IF_ERROR(FromRocks(statuses[i]));
    PDP_ASSIGN_OR_RETURN(CurrentRecord current,
                         DecodeCurrent(ToView(values[i])));
    records[i] = std::move(current.record);
  }
  return records;
}

namespace {

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(StrCat("the store is damaged: ", what));
}

// The live record that an index points to, or DataLoss.
absl::StatusOr<Record> GetIndexed(const Rocks& rocks,
                                  const fhir::ResourceKey& key,
                                  const rocksdb::Snapshot* snapshot) {
  PDP_ASSIGN_OR_RETURN(std::optional<Record> record,
                       GetRecord(rocks, key, snapshot));
  if (!record || record->deleted) {
    return Damaged(
        StrCat("an index names ", key.ToString(), ", which is not there"));
  }
  return *std::move(record);
}

// Visits what the index entries that begin with `prefix` point to, from the one
// that follows `after`.
absl::Status ScanIndex(const Rocks& rocks, ColumnFamily index,
                       std::string_view prefix, std::string_view type,
                       const Store::Visitor& visit,
                       std::string_view after = "") {
  const Snapshot snapshot(rocks);
  return ForEachWithPrefix(
      rocks, index, prefix, snapshot.get(),
      [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
        const fhir::ResourceKey resource{
            std::string(type), std::string(key.substr(prefix.size()))};
        PDP_ASSIGN_OR_RETURN(Record record,
                             GetIndexed(rocks, resource, snapshot.get()));
        return visit(resource, std::move(record));
      },
      after);
}

enum class Wanted : uint8_t { kAll, kLive, kTombstones };

bool Is(const Record& record, Wanted wanted) {
  return wanted == Wanted::kAll ||
         record.deleted == (wanted == Wanted::kTombstones);
}

// Visits the records of `resources` that begin with `prefix`, likewise.
absl::Status ScanResources(const Rocks& rocks, std::string_view prefix,
                           Wanted wanted, const Store::Visitor& visit,
                           std::string_view after = "") {
  return ForEachWithPrefix(
      rocks, ColumnFamily::kResources, prefix, /*snapshot=*/nullptr,
      [&](std::string_view key,
          std::string_view value) -> absl::StatusOr<bool> {
        const std::optional<fhir::ResourceKey> resource =
            ParseResourcesKey(key);
        if (!resource) return Damaged("a malformed key of `resources`");
        PDP_ASSIGN_OR_RETURN(CurrentRecord current, DecodeCurrent(value));
        if (!Is(current.record, wanted)) return true;
        return visit(*resource, std::move(current.record));
      },
      after);
}

absl::Status CheckIndexesOf(const Rocks& rocks, const fhir::ResourceKey& key,
                            const Record& record,
                            const rocksdb::Snapshot* snapshot) {
  const auto require = [&](ColumnFamily index,
                           const std::string& index_key) -> absl::Status {
    PDP_ASSIGN_OR_RETURN(const std::optional<std::string> entry,
                         GetValue(rocks, index, index_key, snapshot));
    if (entry) return absl::OkStatus();
    return Damaged(StrCat("an index lacks ", key.ToString()));
  };
  if (record.deleted) return absl::OkStatus();
  if (!record.project.empty()) {
    PDP_RETURN_IF_ERROR(
        require(ColumnFamily::kByProject,
                ByProjectKey(key.type, record.project, key.id)));
  }
  for (const std::string& subject : record.subjects) {
    PDP_RETURN_IF_ERROR(require(ColumnFamily::kMembershipsBySubject,
                                BySubjectKey(subject, key.id)));
  }
  return absl::OkStatus();
}

// Splits "first NUL rest" at the last NUL.
std::pair<std::string_view, std::string_view> SplitLast(std::string_view key) {
  const size_t nul = key.rfind('\0');
  if (nul == std::string_view::npos) return {};
  return {key.substr(0, nul), key.substr(nul + 1)};
}

absl::Status CheckHistory(const Rocks& rocks,
                          const rocksdb::Snapshot* snapshot) {
  PDP_RETURN_IF_ERROR(
      ForEachWithPrefix(rocks, ColumnFamily::kHistory, "", snapshot,
                        [&](std::string_view key,
                            std::string_view value) -> absl::StatusOr<bool> {
                          if (!ParseHistoryKey(key)) {
                            return Damaged("a malformed key of `history`");
                          }
                          if (value.empty()) return true;
                          PDP_RETURN_IF_ERROR(DecodeRecord(value).status());
                          return true;
                        }));
  return ForEachWithPrefix(
      rocks, ColumnFamily::kHistoryIndex, kMemberPrefix, snapshot,
      [&](std::string_view, std::string_view value) -> absl::StatusOr<bool> {
        if (DecodeNumber(value)) return true;
        return Damaged("when a membership had a subject");
      });
}

absl::Status CheckProjectIndex(const Rocks& rocks,
                               const rocksdb::Snapshot* snapshot) {
  return ForEachWithPrefix(
      rocks, ColumnFamily::kByProject, "", snapshot,
      [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
        const auto [front, id] = SplitLast(key);
        const auto [type, project] = SplitLast(front);
        PDP_ASSIGN_OR_RETURN(
            const Record record,
            GetIndexed(rocks, {std::string(type), std::string(id)}, snapshot));
        if (record.project == project) return true;
        return Damaged("an index names another project than its resource");
      });
}

absl::Status CheckSubjectIndex(const Rocks& rocks,
                               const rocksdb::Snapshot* snapshot) {
  return ForEachWithPrefix(
      rocks, ColumnFamily::kMembershipsBySubject, "", snapshot,
      [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
        const auto [reference, id] = SplitLast(key);
        PDP_ASSIGN_OR_RETURN(
            const Record record,
            GetIndexed(rocks, {std::string(kMembershipType), std::string(id)},
                       snapshot));
        for (const std::string& subject : record.subjects) {
          if (subject == reference) return true;
        }
        return Damaged("an index names another subject than its membership");
      });
}

}  // namespace

absl::StatusOr<std::optional<Record>> Store::Get(
    const fhir::ResourceKey& key) const {
  if (!CheckKey(key).ok()) return std::nullopt;
  absl::StatusOr<std::optional<Record>> record =
      GetRecord(*impl_->rocks, key, /*snapshot=*/nullptr);
  PDP_RETURN_IF_ERROR(impl_->Counted(record.status()));
  return record;
}

absl::StatusOr<std::vector<std::optional<Record>>> Store::GetMany(
    std::span<const fhir::ResourceKey> keys) const {
  absl::StatusOr<std::vector<std::optional<Record>>> records =
      GetRecords(*impl_->rocks, keys);
  PDP_RETURN_IF_ERROR(impl_->Counted(records.status()));
  return records;
}

absl::StatusOr<std::optional<Record>> Store::GetVersion(
    const fhir::ResourceKey& key, std::string_view version_id) const {
  if (!CheckKey(key).ok() || !CheckVersionId(version_id).ok()) {
    return std::nullopt;
  }
  const absl::StatusOr<std::optional<std::string>> value =
      GetValue(*impl_->rocks, ColumnFamily::kVersions,
               VersionsKey(key, version_id), /*snapshot=*/nullptr);
  PDP_RETURN_IF_ERROR(impl_->Counted(value.status()));
  if (!value->has_value()) return std::nullopt;
  absl::StatusOr<Record> record = DecodeRecord(**value);
  PDP_RETURN_IF_ERROR(impl_->Counted(record.status()));
  return *std::move(record);
}

absl::Status Store::FindVersions(const fhir::ResourceKey& key,
                                 const Visitor& visit) const {
  if (!CheckKey(key).ok()) return absl::OkStatus();
  const Rocks& rocks = *impl_->rocks;
  const Snapshot snapshot(rocks);
  bool more = true;
  PDP_RETURN_IF_ERROR(impl_->Counted(ForEachWithPrefix(
      rocks, ColumnFamily::kVersions, VersionsPrefix(key), snapshot.get(),
      [&](std::string_view, std::string_view value) -> absl::StatusOr<bool> {
        PDP_ASSIGN_OR_RETURN(Record record, DecodeRecord(value));
        more = visit(key, std::move(record));
        return more;
      })));
  if (!more) return absl::OkStatus();
  absl::StatusOr<std::optional<Record>> current =
      GetRecord(rocks, key, snapshot.get());
  PDP_RETURN_IF_ERROR(impl_->Counted(current.status()));
  if (current->has_value() && !(*current)->deleted) {
    visit(key, **std::move(current));
  }
  return absl::OkStatus();
}

absl::Status Store::Scan(std::string_view type, std::string_view project,
                         const Visitor& visit, std::string_view after) const {
  // What cannot be part of a key is in no key.
  if (!CheckKey({std::string(type), "0"}).ok()) return absl::OkStatus();
  if (!CheckProject(project).ok()) return absl::OkStatus();
  if (project.empty()) {
    return impl_->Counted(ScanResources(*impl_->rocks, TypePrefix(type),
                                        Wanted::kLive, visit, after));
  }
  return impl_->Counted(ScanIndex(*impl_->rocks, ColumnFamily::kByProject,
                                  ByProjectPrefix(type, project), type, visit,
                                  after));
}

absl::Status Store::ScanTombstones(std::string_view type,
                                   const Visitor& visit) const {
  if (!CheckKey({std::string(type), "0"}).ok()) return absl::OkStatus();
  return impl_->Counted(ScanResources(*impl_->rocks, TypePrefix(type),
                                      Wanted::kTombstones, visit));
}

absl::Status Store::FindMemberships(std::string_view reference,
                                    const Visitor& visit) const {
  if (!CheckSubject(reference).ok()) return absl::OkStatus();
  return impl_->Counted(
      ScanIndex(*impl_->rocks, ColumnFamily::kMembershipsBySubject,
                BySubjectPrefix(reference), kMembershipType, visit));
}

absl::Status Store::ScanAll(const Visitor& visit) const {
  return impl_->Counted(ScanResources(*impl_->rocks, "", Wanted::kAll, visit));
}

absl::Status Store::ScanAllVersions(const Visitor& visit) const {
  return impl_->Counted(ForEachWithPrefix(
      *impl_->rocks, ColumnFamily::kVersions, "", /*snapshot=*/nullptr,
      [&](std::string_view key,
          std::string_view value) -> absl::StatusOr<bool> {
        const std::optional<VersionKey> version = ParseVersionsKey(key);
        if (!version) return Damaged("a malformed key of `versions`");
        PDP_ASSIGN_OR_RETURN(Record record, DecodeRecord(value));
        return visit(version->key, std::move(record));
      }));
}

absl::StatusOr<std::optional<std::string>> Store::GetCursor(
    std::string_view source, std::string_view project,
    std::string_view type) const {
  absl::StatusOr<std::optional<std::string>> position =
      GetValue(*impl_->rocks, ColumnFamily::kMeta,
               CursorKey(source, project, type), /*snapshot=*/nullptr);
  PDP_RETURN_IF_ERROR(impl_->Counted(position.status()));
  return position;
}

absl::StatusOr<std::vector<Cursor>> Store::Cursors() const {
  std::vector<Cursor> cursors;
  static constexpr std::string_view kPrefix("cursor\0", 7);
  PDP_RETURN_IF_ERROR(impl_->Counted(ForEachWithPrefix(
      *impl_->rocks, ColumnFamily::kMeta, kPrefix, /*snapshot=*/nullptr,
      [&](std::string_view key,
          std::string_view value) -> absl::StatusOr<bool> {
        const auto [front, type] = SplitLast(key.substr(kPrefix.size()));
        const auto [source, project] = SplitLast(front);
        cursors.push_back({.source = std::string(source),
                           .project = std::string(project),
                           .type = std::string(type),
                           .position = std::string(value)});
        return true;
      })));
  return cursors;
}

absl::Status Store::Verify() const {
  const Rocks& rocks = *impl_->rocks;
  PDP_RETURN_IF_ERROR(impl_->Counted(FromRocks(rocks.db().VerifyChecksum())));
  const Snapshot snapshot(rocks);
  PDP_RETURN_IF_ERROR(ForEachWithPrefix(
      rocks, ColumnFamily::kResources, "", snapshot.get(),
      [&](std::string_view key,
          std::string_view value) -> absl::StatusOr<bool> {
        const std::optional<fhir::ResourceKey> resource =
            ParseResourcesKey(key);
        if (!resource) return Damaged("a malformed key of `resources`");
        PDP_ASSIGN_OR_RETURN(const CurrentRecord current, DecodeCurrent(value));
        PDP_RETURN_IF_ERROR(
            CheckIndexesOf(rocks, *resource, current.record, snapshot.get()));
        return true;
      }));
  PDP_RETURN_IF_ERROR(ScanAllVersions(
      [](const fhir::ResourceKey&, const Record&) { return true; }));
  PDP_RETURN_IF_ERROR(Blocks().status());
  PDP_RETURN_IF_ERROR(CheckHistory(rocks, snapshot.get()));
  PDP_RETURN_IF_ERROR(CheckProjectIndex(rocks, snapshot.get()));
  return CheckSubjectIndex(rocks, snapshot.get());
}

}  // namespace pdp::store

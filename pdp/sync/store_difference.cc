#include "pdp/sync/store_difference.h"

#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "pdp/base/status_macros.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;
using store::Change;
using store::Record;

using Versions = std::map<std::string, Record>;  // By versionId.

const Record* FindVersion(const Versions& versions, const std::string& id) {
  const auto found = versions.find(id);
  return found == versions.end() ? nullptr : &found->second;
}

// `version` as it is stored; with the instant that `stored`, which may be null,
// was given, where that makes the two equal.
Record RecordOf(const FileVersion& version, const Record* stored) {
  if (stored != nullptr && version.last_updated.empty()) {
    Record record = version.ToRecord(stored->last_updated);
    if (record == *stored) return record;
  }
  return version.ToRecord({});
}

// The changes of one resource.
class ResourceDifference {
 public:
  // `stored` may be null: the store does not know the resource.
  ResourceDifference(const ResourceKey& key, const FileResource& resource,
                     const Record* stored, const Versions& stored_versions)
      : key_(key),
        resource_(resource),
        stored_(stored),
        stored_versions_(stored_versions) {}

  void AddTo(std::vector<Change>& changes) const {
    if (resource_.current == nullptr) return AddTombstone(changes);
    Record current = RecordOf(*resource_.current, stored_);
    if (stored_ == nullptr || current != *stored_) {
      Add(changes, Change::Kind::kPut, std::move(current));
    }
    AddVersions(changes);
  }

 private:
  void Add(std::vector<Change>& changes, Change::Kind kind,
           Record record) const {
    changes.push_back({.kind = kind, .key = key_, .record = std::move(record)});
  }

  void AddTombstone(std::vector<Change>& changes) const {
    const FileVersion& last = resource_.older.back();
    const Record last_record =
        RecordOf(last, FindVersion(stored_versions_, last.version_id));
    Record tombstone;
    tombstone.deleted = true;
    tombstone.last_updated = last_record.last_updated;
    tombstone.project = last_record.project;
    tombstone.last_version = last_record.version_id;
    if (stored_ == nullptr || tombstone != *stored_) {
      // Without the erasure, what is current would become an older version.
      Add(changes, Change::Kind::kErase, {});
      Add(changes, Change::Kind::kDelete, std::move(tombstone));
      for (const FileVersion& version : resource_.older) {
        Add(changes, Change::Kind::kPutVersion, version.ToRecord({}));
      }
      return;
    }
    AddVersions(changes);
  }

  void AddVersions(std::vector<Change>& changes) const {
    Versions surplus = stored_versions_;
    for (const FileVersion& version : resource_.older) {
      const Record* const stored =
          FindVersion(stored_versions_, version.version_id);
      Record record = RecordOf(version, stored);
      if (stored == nullptr || record != *stored) {
        Add(changes, Change::Kind::kPutVersion, std::move(record));
      }
      surplus.erase(version.version_id);
    }
    for (const auto& [version_id, record] : surplus) {
      Record erased;
      erased.version_id = version_id;
      Add(changes, Change::Kind::kEraseVersion, std::move(erased));
    }
  }

  const ResourceKey& key_;
  const FileResource& resource_;
  const Record* const stored_;
  const Versions& stored_versions_;
};

}  // namespace

absl::StatusOr<std::vector<Change>> DifferenceOf(
    const store::Store& store, const DirectoryContent& content) {
  absl::flat_hash_map<ResourceKey, Versions> versions;
  PDP_RETURN_IF_ERROR(
      store.ScanAllVersions([&](const ResourceKey& key, Record record) {
        std::string version_id = record.version_id;
        versions[key].emplace(std::move(version_id), std::move(record));
        return true;
      }));
  const Versions none;
  const auto versions_of = [&](const ResourceKey& key) -> const Versions& {
    const auto found = versions.find(key);
    return found == versions.end() ? none : found->second;
  };

  std::vector<Change> changes;
  auto wanted = content.resources.begin();
  const auto end = content.resources.end();
  const auto add_wanted = [&](const Record* stored) {
    ResourceDifference(wanted->first, wanted->second, stored,
                       versions_of(wanted->first))
        .AddTo(changes);
    ++wanted;
  };
  // Both are in the order of the keys.
  PDP_RETURN_IF_ERROR(
      store.ScanAll([&](const ResourceKey& key, const Record& stored) {
        while (wanted != end && wanted->first < key) add_wanted(nullptr);
        if (wanted != end && wanted->first == key) {
          add_wanted(&stored);
        } else {
          changes.push_back({.kind = Change::Kind::kErase, .key = key});
        }
        return true;
      }));
  while (wanted != end) add_wanted(nullptr);
  return changes;
}

}  // namespace pdp::sync

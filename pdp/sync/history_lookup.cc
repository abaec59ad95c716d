#include "pdp/sync/history_lookup.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/store_lookup.h"

namespace pdp::sync {
namespace {

using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;
using fhir::ResourcePtr;

bool IsOfThen(std::string_view type) {
  const MirroredType* const mirrored = FindMirroredType(type);
  return mirrored != nullptr && mirrored->kept == Mirrored::kWhole;
}

// Null where it cannot be read, or is another resource than its key says.
ResourcePtr Parse(const ResourceKey& key, const store::Record& record) {
  absl::StatusOr<ResourcePtr> resource = fhir::Resource::Parse(
      record.bytes, {.max_bytes = kMaxStoredResourceBytes});
  if (!resource.ok() || (*resource)->key() != key) return nullptr;
  return *std::move(resource);
}

LookupResult FromRecord(const ResourceKey& key, const store::Record& record) {
  ResourcePtr resource = Parse(key, record);
  if (resource == nullptr) return {.state = LookupState::kUnavailable};
  return {.state = LookupState::kFound, .resource = std::move(resource)};
}

}  // namespace

LookupResult HistoryLookup::Read(const ResourceKey& key) const {
  return IsOfThen(key.type) ? ReadThen(key) : now_.Read(key);
}

LookupResult HistoryLookup::ReadPart(const ResourceKey& key,
                                     const fhir::ElementSet& elements,
                                     std::string_view project) const {
  return IsOfThen(key.type) ? ReadThen(key)
                            : now_.ReadPart(key, elements, project);
}

LookupResult HistoryLookup::FindHeld(const ResourceKey& key,
                                     std::string_view project) const {
  return IsOfThen(key.type) ? ReadThen(key) : now_.FindHeld(key, project);
}

LookupResult HistoryLookup::ReadThen(const ResourceKey& key) const {
  {
    MutexLock lock(mutex_);
    const auto known = read_.find(key);
    if (known != read_.end()) return known->second;
  }
  const absl::StatusOr<std::optional<store::Record>> record = then_->Get(key);
  if (!record.ok()) return {.state = LookupState::kUnavailable};
  LookupResult result{.state = LookupState::kAbsent};
  if (record->has_value() && !(*record)->deleted) {
    result = FromRecord(key, **record);
  } else if (record->has_value()) {
    result.state = LookupState::kDeleted;
    if (!(*record)->last_version.empty()) {
      result.resource = now_.ReadVersion(key, (*record)->last_version).resource;
    }
  }
  MutexLock lock(mutex_);
  return read_.emplace(key, std::move(result)).first->second;
}

LookupState HistoryLookup::FindDeletion(const ResourceKey& key) const {
  if (FindMirroredType(key.type) == nullptr) return now_.FindDeletion(key);
  const absl::StatusOr<std::optional<store::Record>> record = then_->Get(key);
  if (!record.ok()) return LookupState::kUnavailable;
  if (!record->has_value()) return LookupState::kAbsent;
  return (*record)->deleted ? LookupState::kDeleted : LookupState::kFound;
}

LookupResult HistoryLookup::ReadVersion(const ResourceKey& key,
                                        std::string_view version_id) const {
  return now_.ReadVersion(key, version_id);
}

LookupState HistoryLookup::FindVersions(
    const ResourceKey& key,
    const std::function<void(const ResourcePtr&)>& visit) const {
  return now_.FindVersions(key, visit);
}

LookupState HistoryLookup::FindMemberships(
    std::string_view reference,
    const std::function<void(const ResourcePtr&)>& visit) const {
  std::vector<ResourcePtr> found;
  bool parsed = true;
  const absl::Status status = then_->FindMemberships(
      reference, [&](const ResourceKey& key, const store::Record& record) {
        ResourcePtr resource = Parse(key, record);
        parsed = resource != nullptr;
        if (parsed) found.push_back(std::move(resource));
        return parsed;
      });
  if (!status.ok() || !parsed) return LookupState::kUnavailable;
  for (const ResourcePtr& membership : found) visit(membership);
  return LookupState::kFound;
}

LookupState HistoryLookup::Scan(
    std::string_view type, std::string_view project,
    const std::function<bool(const ResourcePtr&)>& visit) const {
  return IsOfThen(type) ? LookupState::kUnavailable
                        : now_.Scan(type, project, visit);
}

}  // namespace pdp::sync

#include "pdp/sync/store_lookup.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "pdp/sync/membership_subjects.h"
#include "pdp/sync/mirrored_types.h"
#include "store/record.h"

namespace pdp::sync {
namespace {

using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;
using fhir::ResourcePtr;

// What simdjson keeps of a document: a tape of 8 bytes, a structural index of 4
// and a string buffer of 5/3 for each byte of text, beside the text itself.
size_t ParsedBytes(const LookupResult& result) {
  if (result.resource == nullptr) return 0;
  return sizeof(fhir::Resource) + 16 * result.resource->json().size();
}

bool HasSubject(const fhir::Resource& membership, std::string_view reference) {
  const auto subjects = MembershipSubjects(membership);
  return std::find(subjects.begin(), subjects.end(), reference) !=
         subjects.end();
}

}  // namespace

StoreLookup::StoreLookup(store::Store& store, const Options& options)
    : store_(store),
      options_(options),
      resources_(options.max_cache_bytes / 8 * 7),
      subjects_(options.max_cache_bytes / 8) {
  observer_ = store_.AddObserver([this](const store::Applied& applied) {
    for (const ResourceKey& key : applied.keys) resources_.Erase(key);
    for (const std::string& subject : applied.subjects) {
      subjects_.Erase(subject);
    }
  });
}

StoreLookup::~StoreLookup() { store_.RemoveObserver(observer_); }

LookupResult StoreLookup::Read(const ResourceKey& key) const {
  if (!IsWhole(key.type)) return {.state = LookupState::kUnavailable};
  return ReadKept(key);
}

LookupResult StoreLookup::ReadPart(const ResourceKey& key,
                                   const fhir::ElementSet& elements,
                                   std::string_view project) const {
  if (IsWhole(key.type)) return ReadKept(key);
  return options_.attributes == nullptr
             ? LookupResult()
             : options_.attributes->Read(key, elements, project);
}

LookupResult StoreLookup::FindHeld(const ResourceKey& key,
                                   std::string_view project) const {
  if (IsWhole(key.type)) return ReadKept(key);
  return options_.attributes == nullptr
             ? LookupResult()
             : options_.attributes->FindHeld(key, project);
}

LookupResult StoreLookup::ReadKept(const ResourceKey& key) const {
  ResourceCache::Ticket ticket;
  if (std::optional<LookupResult> cached = resources_.Find(key, ticket)) {
    return *std::move(cached);
  }
  LookupResult result = ReadStore(key);
  if (result.state != LookupState::kUnavailable) {
    resources_.Insert(key, result, ParsedBytes(result), ticket);
  }
  return result;
}

bool StoreLookup::IsWhole(std::string_view type) const {
  if (!options_.mirrored_types_only) return true;
  const MirroredType* const mirrored = FindMirroredType(type);
  return mirrored != nullptr && mirrored->kept == Mirrored::kWhole;
}

LookupState StoreLookup::FindDeletion(const ResourceKey& key) const {
  // Where tombstones are kept, none is the word that it is not deleted.
  const bool knows_deletions =
      !options_.mirrored_types_only || FindMirroredType(key.type) != nullptr;
  return knows_deletions ? ReadKept(key).state : LookupState::kUnavailable;
}

LookupResult StoreLookup::ReadStore(const ResourceKey& key) const {
  const absl::StatusOr<std::optional<store::Record>> record = store_.Get(key);
  if (!record.ok()) {
    CountError();
    return {.state = LookupState::kUnavailable};
  }
  if (!record->has_value()) return {.state = LookupState::kAbsent};
  if (!(*record)->deleted) return FromRecord(key, **record);
  LookupResult deleted{.state = LookupState::kDeleted};
  if ((*record)->last_version.empty()) return deleted;
  LookupResult last = ReadVersion(key, (*record)->last_version);
  if (last.state == LookupState::kUnavailable) return last;
  deleted.resource = std::move(last.resource);
  return deleted;
}

LookupResult StoreLookup::ReadVersion(const ResourceKey& key,
                                      std::string_view version_id) const {
  // In this order: a version moves from current to older, never back.
  const absl::StatusOr<std::optional<store::Record>> current = store_.Get(key);
  if (!current.ok()) {
    CountError();
    return {.state = LookupState::kUnavailable};
  }
  if (current->has_value() && (*current)->version_id == version_id) {
    if ((*current)->deleted) return {.state = LookupState::kDeleted};
    return FromRecord(key, **current);
  }
  const absl::StatusOr<std::optional<store::Record>> version =
      store_.GetVersion(key, version_id);
  if (!version.ok()) {
    CountError();
    return {.state = LookupState::kUnavailable};
  }
  if (!version->has_value()) {
    return {.state = options_.mirrored_types_only ? LookupState::kUnavailable
                                                  : LookupState::kAbsent};
  }
  return FromRecord(key, **version);
}

LookupState StoreLookup::FindVersions(
    const ResourceKey& key,
    const std::function<void(const ResourcePtr&)>& visit) const {
  if (!IsWhole(key.type)) return LookupState::kUnavailable;
  bool parsed = true;
  const absl::Status status = store_.FindVersions(
      key, [&](const ResourceKey&, const store::Record& record) {
        const ResourcePtr resource = ReuseOrParse(key, record);
        parsed = resource != nullptr;
        if (parsed) visit(resource);
        return parsed;
      });
  if (!status.ok()) CountError();
  return status.ok() && parsed ? LookupState::kFound
                               : LookupState::kUnavailable;
}

LookupResult StoreLookup::FromRecord(const ResourceKey& key,
                                     const store::Record& record) const {
  ResourcePtr resource = ParseRecord(key, record);
  if (resource == nullptr) return {.state = LookupState::kUnavailable};
  return {.state = LookupState::kFound, .resource = std::move(resource)};
}

ResourcePtr StoreLookup::ParseRecord(const ResourceKey& key,
                                     const store::Record& record) const {
  absl::StatusOr<ResourcePtr> resource =
      fhir::Resource::Parse(record.bytes, options_.parse_limits);
  if (!resource.ok() || (*resource)->type() != key.type ||
      (*resource)->id() != key.id) {
    CountError();
    return nullptr;
  }
  return *std::move(resource);
}

ResourcePtr StoreLookup::ReuseOrParse(const ResourceKey& key,
                                      const store::Record& record) const {
  ResourceCache::Ticket ticket;
  if (const auto cached = resources_.Find(key, ticket);
      cached && cached->state == LookupState::kFound &&
      cached->resource->json() == record.bytes) {
    return cached->resource;
  }
  return ParseRecord(key, record);
}

LookupState StoreLookup::FindMemberships(
    std::string_view reference,
    const std::function<void(const ResourcePtr&)>& visit) const {
  Memberships memberships;
  SubjectCache::Ticket ticket;
  const std::optional<std::shared_ptr<const Keys>> cached =
      subjects_.Find(reference, ticket);
  if (!cached || !FindCachedMemberships(reference, **cached, memberships)) {
    memberships.clear();
    auto keys = std::make_shared<Keys>();
    bool parsed = true;
    const absl::Status status = store_.FindMemberships(
        reference, [&](const ResourceKey& key, const store::Record& record) {
          ResourcePtr resource = ReuseOrParse(key, record);
          parsed = resource != nullptr;
          if (!parsed) return false;
          keys->push_back(key);
          memberships.push_back(std::move(resource));
          return true;
        });
    if (!status.ok()) CountError();
    if (!status.ok() || !parsed) return LookupState::kUnavailable;
    size_t bytes = reference.size() + sizeof(Keys);
    for (const ResourceKey& key : *keys) {
      bytes += sizeof(key) + key.type.capacity() + key.id.capacity();
    }
    subjects_.Insert(std::string(reference), std::move(keys), bytes, ticket);
  }
  for (const ResourcePtr& membership : memberships) visit(membership);
  return LookupState::kFound;
}

// False where the resources are no longer what the list was made of: a change
// came in between.
bool StoreLookup::FindCachedMemberships(std::string_view reference,
                                        const Keys& keys,
                                        Memberships& found) const {
  found.reserve(keys.size());
  for (const ResourceKey& key : keys) {
    LookupResult result = Read(key);
    if (result.state != LookupState::kFound) return false;
    if (!HasSubject(*result.resource, reference)) return false;
    found.push_back(std::move(result.resource));
  }
  return true;
}

LookupState StoreLookup::Scan(
    std::string_view type, std::string_view project,
    const std::function<bool(const ResourcePtr&)>& visit) const {
  return ScanAfter(type, project, /*after=*/"", visit);
}

LookupState StoreLookup::ScanAfter(
    std::string_view type, std::string_view project, std::string_view after,
    const std::function<bool(const ResourcePtr&)>& visit) const {
  if (!IsWhole(type)) return LookupState::kUnavailable;
  bool parsed = true;
  const absl::Status status = store_.Scan(
      type, project,
      [&](const ResourceKey& key, const store::Record& record) {
        const ResourcePtr resource = ReuseOrParse(key, record);
        parsed = resource != nullptr;
        return parsed && visit(resource);
      },
      after);
  if (!status.ok()) CountError();
  return status.ok() && parsed ? LookupState::kFound
                               : LookupState::kUnavailable;
}

StoreLookup::Statistics StoreLookup::statistics() const {
  return {.resources = resources_.statistics(),
          .subjects = subjects_.statistics(),
          .errors = errors_.load(std::memory_order_relaxed)};
}

void StoreLookup::CountError() const {
  errors_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace pdp::sync

#include "pdp/policy/overlay_lookup.h"

#include <utility>

#include "pdp/fhir/json.h"

namespace pdp::policy {

using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;
using fhir::ResourcePtr;

OverlayLookup::OverlayLookup(const fhir::ResourceLookup& base,
                             const std::vector<ResourcePtr>& put,
                             const std::vector<ResourceKey>& deleted)
    : base_(base), deleted_(deleted.begin(), deleted.end()) {
  for (const ResourcePtr& resource : put) {
    const ResourceKey key = resource->key();
    put_.emplace(key, resource);
    if (key.type != "ProjectMembership") continue;
    for (const std::string_view name : {"profile", "user"}) {
      const auto member = fhir::Member(resource->root(), name);
      if (!member) continue;
      const std::string_view reference =
          fhir::StringMember(*member, "reference");
      if (!reference.empty()) {
        members_[std::string(reference)].emplace(key, resource);
      }
    }
  }
}

LookupResult OverlayLookup::Read(const ResourceKey& key) const {
  if (const auto found = put_.find(key); found != put_.end()) {
    return {LookupState::kFound, found->second};
  }
  LookupResult result = base_.Read(key);
  if (deleted_.contains(key) && result.state != LookupState::kPending) {
    result.state = LookupState::kDeleted;
  }
  return result;
}

LookupResult OverlayLookup::ReadPart(const ResourceKey& key,
                                     const fhir::ElementSet& elements,
                                     std::string_view project) const {
  LookupResult held = FindHeld(key, project);
  if (held.state == LookupState::kFound && !held.resource->Has(elements)) {
    return {.state = LookupState::kUnavailable};
  }
  return held;
}

LookupResult OverlayLookup::FindHeld(const ResourceKey& key,
                                     std::string_view project) const {
  return IsCovered(key) ? Read(key) : base_.FindHeld(key, project);
}

LookupState OverlayLookup::FindDeletion(const ResourceKey& key) const {
  if (put_.contains(key)) return LookupState::kFound;
  if (deleted_.contains(key)) return LookupState::kDeleted;
  return base_.FindDeletion(key);
}

LookupResult OverlayLookup::ReadVersion(const ResourceKey& key,
                                        std::string_view version_id) const {
  if (const auto found = put_.find(key);
      found != put_.end() && found->second->version_id() == version_id) {
    return {LookupState::kFound, found->second};
  }
  return base_.ReadVersion(key, version_id);
}

LookupState OverlayLookup::FindVersions(
    const ResourceKey& key,
    const std::function<void(const ResourcePtr&)>& visit) const {
  const auto found = put_.find(key);
  if (found == put_.end()) return base_.FindVersions(key, visit);
  visit(found->second);
  return base_.FindVersions(key, [&](const ResourcePtr& version) {
    if (version->version_id() != found->second->version_id()) visit(version);
  });
}

LookupState OverlayLookup::FindMemberships(
    std::string_view reference,
    const std::function<void(const ResourcePtr&)>& visit) const {
  Resources found;
  const LookupState state =
      base_.FindMemberships(reference, [&](const ResourcePtr& member) {
        ResourceKey key = member->key();
        if (!IsCovered(key)) found.emplace(std::move(key), member);
      });
  if (state != LookupState::kFound) return state;
  if (const auto put = members_.find(reference); put != members_.end()) {
    found.insert(put->second.begin(), put->second.end());
  }
  for (const auto& [key, member] : found) visit(member);
  return state;
}

LookupState OverlayLookup::Scan(
    std::string_view type, std::string_view project,
    const std::function<bool(const ResourcePtr&)>& visit) const {
  auto next = put_.lower_bound({std::string(type), std::string()});
  bool wants_more = true;
  // Visits what was put up to `last`, or all where it is null.
  const auto visit_put = [&](const ResourceKey* last) {
    for (; wants_more && next != put_.end() && next->first.type == type;
         ++next) {
      if (last != nullptr && *last < next->first) return;
      if (project.empty() || next->second->project() == project) {
        wants_more = visit(next->second);
      }
    }
  };
  const LookupState state =
      base_.Scan(type, project, [&](const ResourcePtr& resource) {
        const ResourceKey key = resource->key();
        visit_put(&key);
        if (wants_more && !IsCovered(key)) wants_more = visit(resource);
        return wants_more;
      });
  if (state == LookupState::kFound) visit_put(nullptr);
  return state;
}

}  // namespace pdp::policy

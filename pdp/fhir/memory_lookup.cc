#include "pdp/fhir/memory_lookup.h"

#include <optional>

#include "pdp/fhir/json.h"

namespace pdp::fhir {
namespace {

std::string_view ReferenceMember(const Resource& resource,
                                 std::string_view name) {
  const auto member = Member(resource.root(), name);
  return member ? StringMember(*member, "reference") : std::string_view();
}

}  // namespace

MemoryLookup::MemoryLookup(std::vector<ResourcePtr> live,
                           std::vector<ResourcePtr> versions) {
  for (ResourcePtr& resource : live) {
    versions.push_back(resource);
    live_.insert_or_assign(resource->key(), std::move(resource));
  }
  for (ResourcePtr& resource : versions) {
    const ResourceKey key = resource->key();
    versions_.insert_or_assign({key, std::string(resource->version_id())},
                               resource);
    if (!live_.contains(key)) deleted_.insert_or_assign(key, resource);
  }
}

LookupResult MemoryLookup::Read(const ResourceKey& key) const {
  if (const auto found = live_.find(key); found != live_.end()) {
    return {LookupState::kFound, found->second};
  }
  if (const auto found = deleted_.find(key); found != deleted_.end()) {
    return {LookupState::kDeleted, found->second};
  }
  return {LookupState::kAbsent, nullptr};
}

LookupResult MemoryLookup::ReadVersion(const ResourceKey& key,
                                       std::string_view version_id) const {
  const auto found = versions_.find({key, std::string(version_id)});
  if (found == versions_.end()) return {LookupState::kAbsent, nullptr};
  return {LookupState::kFound, found->second};
}

LookupState MemoryLookup::FindVersions(
    const ResourceKey& key,
    const std::function<void(const ResourcePtr&)>& visit) const {
  for (auto it = versions_.lower_bound({key, std::string()});
       it != versions_.end() && it->first.first == key; ++it) {
    visit(it->second);
  }
  return LookupState::kFound;
}

LookupState MemoryLookup::FindMemberships(
    std::string_view reference,
    const std::function<void(const ResourcePtr&)>& visit) const {
  return Scan("ProjectMembership", "", [&](const ResourcePtr& member) {
    if (ReferenceMember(*member, "profile") == reference ||
        ReferenceMember(*member, "user") == reference) {
      visit(member);
    }
    return true;
  });
}

LookupState MemoryLookup::Scan(
    std::string_view type, std::string_view project,
    const std::function<bool(const ResourcePtr&)>& visit) const {
  for (auto it = live_.lower_bound({std::string(type), std::string()});
       it != live_.end() && it->first.type == type; ++it) {
    if (!project.empty() && it->second->project() != project) continue;
    if (!visit(it->second)) break;
  }
  return LookupState::kFound;
}

}  // namespace pdp::fhir

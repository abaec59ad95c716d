#include "pdp/sync/foreign_resources.h"

namespace pdp::sync {

using fhir::ResourceKey;

bool ForeignResources::Want(std::string_view project, const ResourceKey& key) {
  const auto [wanted, is_new] =
      wanted_[std::string(project)].try_emplace(key, time_);
  wanted->second = time_;
  return is_new;
}

bool ForeignResources::Wants(std::string_view project,
                             const ResourceKey& key) const {
  const auto wanted = wanted_.find(project);
  return wanted != wanted_.end() && wanted->second.contains(key);
}

void ForeignResources::Found(std::string_view project, const ResourceKey& key) {
  finders_[key].emplace(project);
}

bool ForeignResources::NotFound(std::string_view project,
                                const ResourceKey& key) {
  const auto finders = finders_.find(key);
  if (finders == finders_.end()) return true;
  finders->second.erase(std::string(project));
  if (!finders->second.empty()) return false;
  finders_.erase(finders);
  return true;
}

ForeignResources::Keys ForeignResources::Replace(std::string_view project,
                                                 const Keys& keys,
                                                 uint64_t since) {
  Wanted& wanted = wanted_[std::string(project)];
  for (const ResourceKey& key : keys) wanted[key] = time_;
  Keys unfound;
  for (auto it = wanted.begin(); it != wanted.end();) {
    if (it->second >= since) {
      ++it;
      continue;
    }
    if (finders_.contains(it->first) && NotFound(project, it->first)) {
      unfound.push_back(it->first);
    }
    it = wanted.erase(it);
  }
  return unfound;
}

ForeignResources::Keys ForeignResources::WantedBy(
    std::string_view project) const {
  Keys keys;
  if (const auto wanted = wanted_.find(project); wanted != wanted_.end()) {
    for (const auto& [key, time] : wanted->second) keys.push_back(key);
  }
  return keys;
}

}  // namespace pdp::sync

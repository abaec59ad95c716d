#include "pdp/policy/access_cache.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace pdp::policy {

AccessCache::AccessCache(size_t max_items)
    : max_items_per_shard_(std::max<size_t>(1, max_items / kShards)) {}

AccessCache::Shard& AccessCache::ShardOf(std::string_view key) {
  return shards_[std::hash<std::string_view>{}(key) % kShards];
}

AccessCache::Item AccessCache::Find(std::string_view key,
                                    uint64_t& generation) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mutex);
  generation = shard.generation;
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) return nullptr;
  shard.items.splice(shard.items.begin(), shard.items, found->second);
  return found->second->item;
}

void AccessCache::Insert(std::string_view key, Item item, uint64_t generation) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mutex);
  if (shard.generation != generation || shard.by_key.contains(key)) return;
  if (shard.items.size() >= max_items_per_shard_) {
    Remove(shard, std::prev(shard.items.end()));
  }
  for (const fhir::ResourceKey& dependency : item->dependencies) {
    shard.dependents[dependency].emplace(key);
  }
  shard.items.push_front({std::string(key), std::move(item)});
  shard.by_key.emplace(key, shard.items.begin());
}

void AccessCache::Remove(Shard& shard, std::list<Entry>::iterator entry) {
  for (const fhir::ResourceKey& dependency : entry->item->dependencies) {
    const auto dependents = shard.dependents.find(dependency);
    if (dependents == shard.dependents.end()) continue;
    dependents->second.erase(entry->key);
    if (dependents->second.empty()) shard.dependents.erase(dependents);
  }
  shard.by_key.erase(entry->key);
  shard.items.erase(entry);
}

void AccessCache::Invalidate(std::span<const fhir::ResourceKey> changed) {
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    ++shard.generation;
    for (const fhir::ResourceKey& key : changed) {
      const auto dependents = shard.dependents.find(key);
      if (dependents == shard.dependents.end()) continue;
      const std::vector<std::string> stale(dependents->second.begin(),
                                           dependents->second.end());
      for (const std::string& item : stale) {
        const auto found = shard.by_key.find(item);
        if (found != shard.by_key.end()) Remove(shard, found->second);
      }
    }
  }
}

size_t AccessCache::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    size += shard.items.size();
  }
  return size;
}

}  // namespace pdp::policy

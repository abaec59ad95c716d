// AccessCache: subjects' access, built on demand and kept within a bound.
//
// A key holds every input that is not looked up (membership, scope, launch,
// tenants), each with its length before it, so that no two inputs share a key.
// What was looked up is listed in SubjectAccess::dependencies; Invalidate()
// forgets every item that depends on a changed resource.
//
// Thread-safe.

#ifndef PDP_POLICY_ACCESS_CACHE_H_
#define PDP_POLICY_ACCESS_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

class AccessCache {
 public:
  using Item = std::shared_ptr<const SubjectAccess>;

  explicit AccessCache(size_t max_items);

  // The item, or null.  `generation` is to be handed to Insert.
  Item Find(std::string_view key, uint64_t& generation);

  // Keeps `item`, unless something was invalidated since Find gave
  // `generation`: it may have been built from what has changed since.
  void Insert(std::string_view key, Item item, uint64_t generation);

  void Invalidate(std::span<const fhir::ResourceKey> changed);

  size_t size() const;

 private:
  static constexpr size_t kShards = 16;

  struct Entry {
    std::string key;
    Item item;
  };
  struct Shard {
    mutable Mutex mutex;
    uint64_t generation ABSL_GUARDED_BY(mutex) = 0;
    // The least recently used last.
    std::list<Entry> items ABSL_GUARDED_BY(mutex);
    StringMap<std::list<Entry>::iterator> by_key ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<fhir::ResourceKey, StringSet> dependents
        ABSL_GUARDED_BY(mutex);
  };

  Shard& ShardOf(std::string_view key);
  static void Remove(Shard& shard, std::list<Entry>::iterator entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const size_t max_items_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_ACCESS_CACHE_H_

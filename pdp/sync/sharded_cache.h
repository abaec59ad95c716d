// ShardedCache<Key, Value>: a bounded map from which anything may vanish, for
// values that are derived from something that changes.
//
// The difficulty is a reader that took its value from the old state and comes
// to insert it after the change was announced.  So a look-up that finds nothing
// hands out a Ticket, and Insert with a Ticket from before the last Erase in
// that shard does nothing: take the ticket first, then read the state.
//
// What goes first when room is needed is found by a clock hand that spares what
// was looked up since it last came by.

#ifndef PDP_SYNC_SHARDED_CACHE_H_
#define PDP_SYNC_SHARDED_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "pdp/base/mutex.h"

namespace pdp::sync {

struct CacheStatistics {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t evictions = 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;
};

// Thread-safe.  Values are copied out under a lock, and should be cheap to
// copy.  `Hash` and `Equal` may be transparent.
template <typename Key, typename Value, typename Hash, typename Equal>
class ShardedCache {
 public:
  struct Ticket {
    uint64_t generation = 0;
  };

  // `max_bytes` bounds the sum of what Insert is told.
  explicit ShardedCache(size_t max_bytes)
      : max_shard_bytes_(max_bytes / kShards) {}

  template <typename K>
  std::optional<Value> Find(const K& key, Ticket& ticket) const {
    const size_t hash = Hash{}(key);
    Shard& shard = ShardOf(hash);
    MutexLock lock(shard.mutex);
    ticket.generation = shard.generation;
    const auto found = shard.index.find(key, hash);
    if (found == shard.index.end()) {
      ++shard.statistics.misses;
      return std::nullopt;
    }
    ++shard.statistics.hits;
    Slot& slot = shard.slots[found->second];
    slot.used = true;
    return slot.value;
  }

  // Does nothing where anything in the shard was erased since `ticket` was
  // taken, where `key` is there already, and for a value that is larger than a
  // shard.
  void Insert(const Key& key, Value value, size_t bytes, Ticket ticket) {
    const size_t hash = Hash{}(key);
    Shard& shard = ShardOf(hash);
    bytes += sizeof(Slot) + 2 * sizeof(Key);
    if (bytes > max_shard_bytes_) return;
    MutexLock lock(shard.mutex);
    if (shard.generation != ticket.generation) return;
    if (shard.index.contains(key)) return;
    while (shard.statistics.bytes + bytes > max_shard_bytes_) EvictOne(shard);
    uint32_t at;
    if (shard.free.empty()) {
      at = static_cast<uint32_t>(shard.slots.size());
      shard.slots.emplace_back();
    } else {
      at = shard.free.back();
      shard.free.pop_back();
    }
    shard.slots[at] = {key, std::move(value), bytes, /*taken=*/true,
                       /*used=*/false};
    shard.index.emplace(key, at);
    shard.statistics.bytes += bytes;
  }

  // `key` is not found any more, and nothing that was read before is inserted.
  template <typename K>
  void Erase(const K& key) {
    const size_t hash = Hash{}(key);
    Shard& shard = ShardOf(hash);
    MutexLock lock(shard.mutex);
    ++shard.generation;
    const auto found = shard.index.find(key, hash);
    if (found != shard.index.end()) Release(shard, found->second);
  }

  CacheStatistics statistics() const {
    CacheStatistics sum;
    for (Shard& shard : shards_) {
      MutexLock lock(shard.mutex);
      sum.hits += shard.statistics.hits;
      sum.misses += shard.statistics.misses;
      sum.evictions += shard.statistics.evictions;
      sum.entries += shard.index.size();
      sum.bytes += shard.statistics.bytes;
    }
    return sum;
  }

 private:
  static constexpr size_t kShardBits = 4;
  static constexpr size_t kShards = size_t{1} << kShardBits;

  struct Slot {
    Key key;
    Value value;
    size_t bytes = 0;
    bool taken = false;
    bool used = false;
  };

  struct alignas(64) Shard {
    Mutex mutex;
    absl::flat_hash_map<Key, uint32_t, Hash, Equal> index
        ABSL_GUARDED_BY(mutex);
    std::vector<Slot> slots ABSL_GUARDED_BY(mutex);
    std::vector<uint32_t> free ABSL_GUARDED_BY(mutex);
    size_t hand ABSL_GUARDED_BY(mutex) = 0;
    uint64_t generation ABSL_GUARDED_BY(mutex) = 0;
    CacheStatistics statistics ABSL_GUARDED_BY(mutex);
  };

  // The map uses the lower bits.
  Shard& ShardOf(size_t hash) const {
    return shards_[hash >> (8 * sizeof(size_t) - kShardBits)];
  }

  static void Release(Shard& shard, uint32_t at)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex) {
    shard.index.erase(shard.slots[at].key);
    shard.statistics.bytes -= shard.slots[at].bytes;
    shard.slots[at] = Slot();
    shard.free.push_back(at);
  }

  // REQUIRES: something is in the shard.
  static void EvictOne(Shard& shard)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex) {
    for (;;) {
      shard.hand = shard.hand + 1 < shard.slots.size() ? shard.hand + 1 : 0;
      Slot& slot = shard.slots[shard.hand];
      if (!slot.taken) continue;
      if (!std::exchange(slot.used, false)) break;
    }
    ++shard.statistics.evictions;
    Release(shard, static_cast<uint32_t>(shard.hand));
  }

  const size_t max_shard_bytes_;
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_SHARDED_CACHE_H_

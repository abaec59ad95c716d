// RecentTickets: which reads had begun when a resource was last applied, of the
// resources that were applied lately.
//
// Confined.  Resources are told apart by a hash of 64 bits; two with the same
// have the later of their tickets.  Two generations bound the memory.

#ifndef PDP_SYNC_RECENT_TICKETS_H_
#define PDP_SYNC_RECENT_TICKETS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/sync/observation.h"

namespace pdp::sync {

class RecentTickets {
 public:
  // Remembers between `generation` and twice as many.
  explicit RecentTickets(size_t generation) : generation_(generation) {}

  std::optional<ReadTicket> Find(const fhir::ResourceKey& key) const {
    const uint64_t hash = absl::HashOf(key.type, key.id);
    std::optional<ReadTicket> found;
    for (const Tickets* tickets : {&newer_, &older_}) {
      if (const auto it = tickets->find(hash); it != tickets->end()) {
        found = std::max(found.value_or(ReadTicket()), it->second);
      }
    }
    return found;
  }

  // No later one was forgotten.
  ReadTicket horizon() const { return horizon_; }

  void Record(const fhir::ResourceKey& key, ReadTicket ticket) {
    ReadTicket& latest = newer_[absl::HashOf(key.type, key.id)];
    latest = std::max(latest, ticket);
    if (newer_.size() < generation_) return;
    for (const auto& [hash, forgotten] : older_) {
      horizon_ = std::max(horizon_, forgotten);
    }
    older_ = std::exchange(newer_, {});
  }

 private:
  using Tickets = absl::flat_hash_map<uint64_t, ReadTicket>;

  const size_t generation_;
  Tickets newer_;
  Tickets older_;
  ReadTicket horizon_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_RECENT_TICKETS_H_

// RecentDecisions: which caller was given which of the last decisions.

#ifndef PDP_SERVICE_RECENT_DECISIONS_H_
#define PDP_SERVICE_RECENT_DECISIONS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace pdp::service {

// Remembers about the last kSlots; each may be forgotten sooner, none is taken
// for another caller's.  Thread-safe, without a lock.
class RecentDecisions {
 public:
  static constexpr size_t kSlots = size_t{1} << 16;

  RecentDecisions() : slots_(kSlots) {}

  void Note(std::string_view decision_id, std::string_view caller) {
    const uint64_t hash = HashOf(decision_id);
    slots_[hash % kSlots].store(EntryOf(hash, caller),
                                std::memory_order_relaxed);
  }

  // Whether the decision is remembered, and as one that another caller was
  // given.
  bool IsOfAnother(std::string_view decision_id,
                   std::string_view caller) const {
    const uint64_t hash = HashOf(decision_id);
    const uint64_t entry =
        slots_[hash % kSlots].load(std::memory_order_relaxed);
    const uint64_t own = EntryOf(hash, caller);
    return entry != own && (entry & ~kCallerBits) == (own & ~kCallerBits);
  }

 private:
  // The low bits tell the caller, the others the decision.
  static constexpr uint64_t kCallerBits = 0xffff;

  static uint64_t HashOf(std::string_view text) {
    return std::hash<std::string_view>()(text);
  }
  static uint64_t EntryOf(uint64_t hash, std::string_view caller) {
    // Never that of an empty slot.
    return (hash & ~kCallerBits) | (HashOf(caller) % kCallerBits + 1);
  }

  std::vector<std::atomic<uint64_t>> slots_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_RECENT_DECISIONS_H_

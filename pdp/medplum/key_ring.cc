#include "pdp/medplum/key_ring.h"

#include <algorithm>
#include <utility>

namespace pdp::medplum {

KeyRing::Found KeyRing::Find(std::string_view key_id) {
  Found found;
  if (FindHeld(key_id, /*may_be_old=*/false, found)) return found;
  MutexLock fetching(fetch_mutex_);
  // Another may have fetched meanwhile.
  if (FindHeld(key_id, /*may_be_old=*/false, found)) return found;
  bool may_fetch = false;
  {
    MutexLock lock(mutex_);
    may_fetch = clock_.SinceBoot() >= next_fetch_;
  }
  if (may_fetch) Fetch();
  if (FindHeld(key_id, /*may_be_old=*/true, found)) return found;
  MutexLock lock(mutex_);
  found.status = last_fetch_;
  found.holds =
      std::max(next_fetch_ - clock_.SinceBoot(), absl::ZeroDuration());
  return found;
}

uint64_t KeyRing::fetches() const {
  MutexLock lock(mutex_);
  return fetches_;
}

bool KeyRing::FindHeld(std::string_view key_id, bool may_be_old,
                       Found& found) const {
  MutexLock lock(mutex_);
  if (!may_be_old && clock_.SinceBoot() - fetched_at_ > kMaxAge) return false;
  const auto held = keys_.find(key_id);
  if (held == keys_.end()) return false;
  found.key = held->second;
  return true;
}

void KeyRing::Fetch() {
  absl::StatusOr<KeySet> keys = api_.FetchKeys();
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(mutex_);
  ++fetches_;
  last_fetch_ = keys.status();
  if (!keys.ok()) {
    next_fetch_ = now + std::min(kRetryInterval, refetch_interval_);
    return;
  }
  next_fetch_ = now + refetch_interval_;
  fetched_at_ = now;
  keys_ = *std::move(keys);
}

}  // namespace pdp::medplum

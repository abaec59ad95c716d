#include "clients/cpp/pending_checks.h"

#include <utility>

namespace medplum_pdp {

uint64_t PendingChecks::Add(PendingCheck check) {
  checks_.emplace(++last_id_, std::move(check));
  return last_id_;
}

std::optional<PendingCheck> PendingChecks::Take(uint64_t id) {
  const auto found = checks_.find(id);
  if (found == checks_.end()) return std::nullopt;
  PendingCheck check = std::move(found->second);
  checks_.erase(found);
  return check;
}

std::vector<PendingCheck> PendingChecks::TakeSentUntil(absl::Duration until) {
  std::vector<PendingCheck> taken;
  while (!checks_.empty() && checks_.begin()->second.sent_at <= until) {
    taken.push_back(std::move(checks_.begin()->second));
    checks_.erase(checks_.begin());
  }
  return taken;
}

std::vector<PendingCheck> PendingChecks::TakeAll() {
  return TakeSentUntil(absl::InfiniteDuration());
}

std::optional<absl::Duration> PendingChecks::first_sent_at() const {
  if (checks_.empty()) return std::nullopt;
  return checks_.begin()->second.sent_at;
}

}  // namespace medplum_pdp

#include "pdp/sync/search_budget.h"

#include <algorithm>
#include <string>

namespace pdp::sync {
namespace {

constexpr double kShareOfSweeps = 0.8;

}  // namespace

SearchBudget::SearchBudget(double per_second, const Clock& clock)
    : per_second_(per_second),
      spacing_(absl::Seconds(1) / per_second),
      burst_(std::max(absl::Seconds(1), spacing_)),
      clock_(clock) {}

absl::Duration SearchBudget::Take() {
  MutexLock lock(mutex_);
  const absl::Duration now = clock_.SinceBoot();
  full_at_ = std::max(full_at_, now) + spacing_;
  return std::max(full_at_ - burst_ - now, absl::ZeroDuration());
}

void SearchBudget::SetSweepCost(std::string_view project, uint64_t searches) {
  MutexLock lock(mutex_);
  sweep_costs_.insert_or_assign(std::string(project), searches);
}

absl::Duration SearchBudget::SweepInterval(absl::Duration wanted) const {
  MutexLock lock(mutex_);
  uint64_t searches = 0;
  for (const auto& [project, cost] : sweep_costs_) searches += cost;
  return std::max(wanted, absl::Seconds(static_cast<double>(searches) /
                                        (per_second_ * kShareOfSweeps)));
}

}  // namespace pdp::sync

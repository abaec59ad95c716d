// SearchBudget: how many searches a second this process sends to a Medplum
// server, in all.
//
// Thread-safe.  Places are given in the order in which they are asked for, and
// a feed asks for its next one when it has used the last: so a feed with many
// pages takes turns with the others.

#ifndef PDP_SYNC_SEARCH_BUDGET_H_
#define PDP_SYNC_SEARCH_BUDGET_H_

#include <cstdint>
#include <string_view>

#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"

namespace pdp::sync {

class SearchBudget {
 public:
  // What was not used in the last second may be used at once.
  // REQUIRES: per_second > 0
  SearchBudget(double per_second, const Clock& clock);

  // Takes the next place.  Returns how long to wait for it.
  absl::Duration Take();

  // The last sweep of the feed of `project` took that many searches.
  void SetSweepCost(std::string_view project, uint64_t searches);

  // How often every feed can be swept: `wanted`, or longer where sweeps would
  // use more than 4/5 of the budget.  The rest is for first loads and full
  // sweeps.
  absl::Duration SweepInterval(absl::Duration wanted) const;

 private:
  const double per_second_;
  const absl::Duration spacing_;
  const absl::Duration burst_;
  const Clock& clock_;

  mutable Mutex mutex_;
  // When the bucket is full again, if nothing more is taken.
  absl::Duration full_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  StringMap<uint64_t> sweep_costs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_SEARCH_BUDGET_H_

// StoreCensus: what the store holds, counted from time to time.

#ifndef PDP_STORE_CENSUS_H_
#define PDP_STORE_CENSUS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "store/store.h"

namespace pdp {

struct Census {
  uint64_t memberships = 0;
  // Active ones that name no AccessPolicy, and are neither a project admin's
  // nor of a super admin's project.
  uint64_t memberships_without_policy = 0;
  uint64_t policies = 0;
  uint64_t refused_policies = 0;  // That nothing can be decided by.
};

// Reads all of it.
absl::StatusOr<Census> CountStore(const store::Store& store);

// Take from one thread at a time; counts() is thread-safe.
class StoreCensus {
 public:
  // A count may take this part of the time of the thread that counts.
  static constexpr double kShareOfTime = 0.02;

  // Both must outlive the census.
  explicit StoreCensus(const store::Store& store,
                       const Clock& clock = Clock::Real())
      : store_(store), clock_(clock) {}

  // Counts, unless the store is as it was, or was counted a short while ago
  // for what that took.  What cannot be read leaves the counts as they are.
  void Take();

  Census counts() const {
    MutexLock lock(mutex_);
    return counts_;
  }

 private:
  const store::Store& store_;
  const Clock& clock_;
  mutable Mutex mutex_;
  Census counts_ ABSL_GUARDED_BY(mutex_);
  uint64_t revision_ = 0;  // Of the last count.
  absl::Duration next_;    // Not before this, since boot.
};

}  // namespace pdp

#endif  // PDP_STORE_CENSUS_H_

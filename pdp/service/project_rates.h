// ProjectRates: how often members of each project may be asked about.

#ifndef PDP_SERVICE_PROJECT_RATES_H_
#define PDP_SERVICE_PROJECT_RATES_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/service/rate_limit.h"

namespace pdp::service {

// Thread-safe.
class ProjectRates {
 public:
  // 0: as often as they like.  `clock` must outlive the rates.
  ProjectRates(uint32_t per_second, const Clock& clock)
      : per_second_(per_second), clock_(clock) {}

  bool is_limited() const { return per_second_ != 0; }

  // Counts one question about a member of `project`, the id of one that there
  // is; what is kept of it stays.  False: too many.
  bool Take(std::string_view project) const {
    return !is_limited() || Of(project).Take(per_second_, clock_.SinceBoot());
  }

 private:
  const RateLimit& Of(std::string_view project) const {
    MutexLock lock(mutex_);
    auto found = rates_.find(project);
    if (found == rates_.end()) {
      found = rates_.emplace(project, std::make_unique<RateLimit>()).first;
    }
    return *found->second;
  }

  const uint32_t per_second_;
  const Clock& clock_;
  mutable Mutex mutex_;
  mutable StringMap<std::unique_ptr<RateLimit>> rates_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_PROJECT_RATES_H_

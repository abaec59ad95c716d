// BindCache: one BoundPolicy for all members whose inputs to Bind are equal.
//
// The key holds every input, each with its length before it.  The member's own
// profile is an input only where the policies can mention it, so that all the
// nurses of a clinic share one policy.  The cache itself keeps nothing alive: a
// policy lives as long as the access of some member does.
//
// Thread-safe.

#ifndef PDP_POLICY_BIND_CACHE_H_
#define PDP_POLICY_BIND_CACHE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/policy/bind.h"

namespace pdp::policy {

// The key of `input`: equal keys bind to equal policies.
std::string BindKey(const BindInput& input);

class BindCache {
 public:
  // Bind(input), or what it gave before.
  BindResult Get(const BindInput& input);

  // Policies that are alive.
  size_t size() const;

 private:
  void ForgetDead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  StringMap<std::weak_ptr<const BoundPolicy>> policies_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 1024;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_BIND_CACHE_H_

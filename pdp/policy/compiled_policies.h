// CompiledPolicies: the PolicyCache of a DecisionPoint.
//
// Keeps AccessPolicies compiled, each good for the very resource it was
// compiled from, and shares what is bound from them.  Serves both modes.
//
// Thread-safe.

#ifndef PDP_POLICY_COMPILED_POLICIES_H_
#define PDP_POLICY_COMPILED_POLICIES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "pdp/base/mutex.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/bind_cache.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

class CompiledPolicies final : public PolicyCache {
 public:
  absl::StatusOr<std::shared_ptr<const CompiledPolicy>> Get(
      const fhir::ResourcePtr& resource) override;
  BindResult Bind(const BindInput& input) override;

  // Compiled policies held now.
  size_t size() const;
  // Policies that were compiled, and those that cannot be, since the start.
  uint64_t compiles() const { return compiles_; }
  uint64_t refused_compiles() const { return refused_compiles_; }

 private:
  struct Compiled {
    fhir::ResourcePtr resource;
    std::shared_ptr<const CompiledPolicy> policy;
  };

  std::atomic<uint64_t> compiles_{0};
  std::atomic<uint64_t> refused_compiles_{0};
  BindCache bindings_;
  mutable Mutex mutex_;
  absl::flat_hash_map<fhir::ResourceKey, Compiled> policies_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_COMPILED_POLICIES_H_

#include "pdp/policy/compiled_policies.h"

namespace pdp::policy {
namespace {

constexpr size_t kMaxPolicies = 20'000;

}  // namespace

absl::StatusOr<std::shared_ptr<const CompiledPolicy>> CompiledPolicies::Get(
    const fhir::ResourcePtr& resource) {
  const fhir::ResourceKey key = resource->key();
  {
    MutexLock lock(mutex_);
    const auto found = policies_.find(key);
    if (found != policies_.end() && found->second.resource == resource) {
      return found->second.policy;
    }
  }
  auto compiled = CompilePolicy(*resource);
  if (!compiled.ok()) {
    ++refused_compiles_;
    return compiled;
  }
  ++compiles_;
  MutexLock lock(mutex_);
  if (policies_.size() >= kMaxPolicies) policies_.clear();
  policies_[key] = {resource, *compiled};
  return compiled;
}

BindResult CompiledPolicies::Bind(const BindInput& input) {
  return bindings_.Get(input);
}

size_t CompiledPolicies::size() const {
  MutexLock lock(mutex_);
  return policies_.size();
}

}  // namespace pdp::policy

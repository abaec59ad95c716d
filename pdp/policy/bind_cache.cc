#include "pdp/policy/bind_cache.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/policy/parameters.h"

namespace pdp::policy {
namespace {

void Append(std::string_view part, std::string& key) {
  absl::StrAppend(&key, part.size(), ":");
  key += part;
}

void Append(uint64_t number, std::string& key) {
  absl::StrAppend(&key, number, ";");
}

void Append(const std::vector<std::string>& parts, std::string& key) {
  Append(parts.size(), key);
  for (const std::string& part : parts) Append(std::string_view(part), key);
}

// Whether `%profile` or `%patient` may come to stand in the policy's text while
// its parameters are replaced: it is written there, a value brings it in, or a
// value completes it (`%%name`).
bool MayMentionProfile(const PolicyUse& use) {
  const std::string& text = use.policy->json;
  if (!use.policy->mentions_parameters) return false;
  if (text.find("%p") != std::string::npos ||
      text.find("%%") != std::string::npos || !ArePlain(use.parameters)) {
    return true;
  }
  return std::any_of(use.parameters.begin(), use.parameters.end(),
                     [](const Parameter& parameter) {
                       return parameter.value.empty() ||
                              parameter.value.find('%') != std::string::npos;
                     });
}

}  // namespace

std::string BindKey(const BindInput& input) {
  std::string key;
  Append(static_cast<uint64_t>(input.mode), key);
  Append(static_cast<uint64_t>(input.parameter_semantics), key);
  Append(uint64_t{input.names_no_policy}, key);
  Append(uint64_t{input.admin}, key);
  Append(uint64_t{input.super_admin}, key);
  Append(input.project_id, key);
  Append(uint64_t{input.smart_scope.has_value()}, key);
  if (input.smart_scope) {
    Append(*input.smart_scope, key);
    Append(input.patient_context, key);
  }
  Append(uint64_t{input.tenants != nullptr}, key);
  if (input.tenants != nullptr) {
    Append(input.tenants->parameters, key);
    Append(input.tenants->active, key);
  }
  Append(input.uses.size(), key);
  bool mentions_profile = false;
  for (const PolicyUse& use : input.uses) {
    Append(use.policy->serial, key);
    Append(use.source, key);
    Append(uint64_t{use.is_foreign}, key);
    Append(std::string_view(use.based_on), key);
    Append(use.parameters.size(), key);
    for (const Parameter& parameter : use.parameters) {
      Append(std::string_view(parameter.name), key);
      Append(std::string_view(parameter.value), key);
      Append(uint64_t{parameter.is_reference}, key);
    }
    mentions_profile = mentions_profile || MayMentionProfile(use);
  }
  Append(uint64_t{mentions_profile}, key);
  if (mentions_profile) Append(input.profile, key);
  return key;
}

BindResult BindCache::Get(const BindInput& input) {
  const std::string key = BindKey(input);
  {
    MutexLock lock(mutex_);
    const auto found = policies_.find(std::string_view(key));
    if (found != policies_.end()) {
      if (auto policy = found->second.lock()) {
        return {std::move(policy), std::nullopt};
      }
    }
  }
  BindResult result = Bind(input);
  if (result.policy == nullptr) return result;
  MutexLock lock(mutex_);
  if (policies_.size() >= sweep_at_) ForgetDead();
  policies_.insert_or_assign(key, result.policy);
  return result;
}

void BindCache::ForgetDead() {
  absl::erase_if(policies_,
                 [](const auto& item) { return item.second.expired(); });
  sweep_at_ = std::max<size_t>(1024, 2 * policies_.size());
}

size_t BindCache::size() const {
  MutexLock lock(mutex_);
  return static_cast<size_t>(
      std::count_if(policies_.begin(), policies_.end(),
                    [](const auto& item) { return !item.second.expired(); }));
}

}  // namespace pdp::policy

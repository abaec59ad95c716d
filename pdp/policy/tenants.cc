#include "pdp/policy/tenants.h"

#include <algorithm>

#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

constexpr std::string_view kCompartmentKey = "_compartment=";

bool Contains(const std::vector<std::string>& items, std::string_view item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

void AddOnce(std::string item, std::vector<std::string>& items) {
  if (!Contains(items, item)) items.push_back(std::move(item));
}

}  // namespace

std::vector<std::string> BoundTenants(
    const PolicyUse& use, const std::vector<std::string>& parameters) {
  std::vector<std::string> tenants;
  for (const Parameter& parameter : use.parameters) {
    if (Contains(parameters, parameter.name) && !parameter.value.empty()) {
      AddOnce(parameter.value, tenants);
    }
  }
  return tenants;
}

std::vector<std::string> LiteralTenants(std::string_view criteria) {
  std::vector<std::string> tenants;
  size_t at = criteria.find(kCompartmentKey);
  while (at != std::string_view::npos) {
    const bool is_key =
        at > 0 && (criteria[at - 1] == '?' || criteria[at - 1] == '&');
    const size_t from = at + kCompartmentKey.size();
    const size_t end = std::min(criteria.find('&', from), criteria.size());
    std::string_view values = criteria.substr(from, end - from);
    while (is_key && !values.empty()) {
      const size_t comma = std::min(values.find(','), values.size());
      const std::string_view value = values.substr(0, comma);
      if (value.find('/') != std::string_view::npos &&
          value.find('%') == std::string_view::npos &&
          !value.starts_with("Patient/")) {
        AddOnce(std::string(value), tenants);
      }
      values.remove_prefix(std::min(comma + 1, values.size()));
    }
    at = criteria.find(kCompartmentKey, from);
  }
  return tenants;
}

bool IsInForce(const PolicyUse& use, const TenantNarrowing& narrowing) {
  const std::vector<std::string> bound =
      BoundTenants(use, narrowing.parameters);
  if (bound.empty()) return true;
  return std::any_of(bound.begin(), bound.end(), [&](const auto& tenant) {
    return Contains(narrowing.active, tenant);
  });
}

void NarrowToTenants(const TenantNarrowing& narrowing, DraftEntry& draft) {
  const std::vector<std::string> named = LiteralTenants(draft.entry().criteria);
  const bool names_active_only =
      !named.empty() &&
      std::all_of(named.begin(), named.end(), [&](const auto& tenant) {
        return Contains(narrowing.active, tenant);
      });
  if (!names_active_only) draft.tenants = narrowing.active;
}

std::vector<std::string> TenantsOf(const std::vector<PolicyUse>& uses,
                                   const std::vector<std::string>& parameters) {
  std::vector<std::string> tenants;
  for (const PolicyUse& use : uses) {
    for (std::string& tenant : BoundTenants(use, parameters)) {
      AddOnce(std::move(tenant), tenants);
    }
    for (const PolicyEntry& entry : use.policy->policy.entries) {
      for (std::string& tenant : LiteralTenants(entry.criteria)) {
        AddOnce(std::move(tenant), tenants);
      }
    }
  }
  return tenants;
}

}  // namespace pdp::policy

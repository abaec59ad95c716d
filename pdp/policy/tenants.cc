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

// The tenants that `use` binds; of a repeated parameter each value that counts.
std::vector<BoundTenant> BoundTenants(const PolicyUse& use,
                                      const TenantNarrowing& narrowing) {
  std::vector<BoundTenant> tenants;
  for (const Parameter& parameter : use.parameters) {
    if (!Contains(narrowing.parameters, parameter.name) ||
        parameter.value.empty()) {
      continue;
    }
    const bool is_known = std::any_of(
        tenants.begin(), tenants.end(), [&](const BoundTenant& known) {
          return known.parameter == parameter.name &&
                 (narrowing.parameter_semantics ==
                      ParameterSemantics::kServer ||
                  known.tenant == parameter.value);
        });
    if (!is_known) tenants.push_back({parameter.name, parameter.value});
  }
  return tenants;
}

bool IsAnyActive(const std::vector<BoundTenant>& bound,
                 const TenantNarrowing& narrowing) {
  return std::any_of(bound.begin(), bound.end(), [&](const BoundTenant& each) {
    return Contains(narrowing.active, each.tenant);
  });
}

// Whether each of the comma separated `values` is an active tenant.
bool AreActive(std::string_view values, const TenantNarrowing& narrowing) {
  while (true) {
    const size_t comma = std::min(values.find(','), values.size());
    const std::string_view value = values.substr(0, comma);
    const bool is_active =
        std::any_of(narrowing.active.begin(), narrowing.active.end(),
                    [&](const std::string& each) { return each == value; });
    if (!is_active) return false;
    if (comma == values.size()) return true;
    values.remove_prefix(comma + 1);
  }
}

// Whether a search parameter of `criteria` lets nothing through but what
// belongs to active tenants.  A modifier may turn the meaning around, and
// control parameters let everything through.
bool NamesActiveTenant(std::string_view criteria,
                       const TenantNarrowing& narrowing) {
  std::string_view query =
      criteria.substr(std::min(criteria.find('?') + 1, criteria.size()));
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    const size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view key = parameter.substr(0, equals);
    const bool narrows = equals < parameter.size() &&
                         key.find(':') == std::string_view::npos &&
                         (!key.starts_with('_') || key == "_compartment");
    if (narrows && AreActive(parameter.substr(equals + 1), narrowing)) {
      return true;
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

}  // namespace

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
  if (narrowing.active.empty()) return true;
  const std::vector<BoundTenant> bound = BoundTenants(use, narrowing);
  return bound.empty() || IsAnyActive(bound, narrowing);
}

std::vector<Parameter> ParametersInForce(const PolicyUse& use,
                                         const TenantNarrowing& narrowing) {
  if (narrowing.active.empty()) return use.parameters;
  const auto is_active = [&](const Parameter& parameter) {
    return Contains(narrowing.active, parameter.value);
  };
  std::vector<Parameter> kept;
  for (const Parameter& parameter : use.parameters) {
    const bool gives_way =
        Contains(narrowing.parameters, parameter.name) &&
        !is_active(parameter) &&
        std::any_of(use.parameters.begin(), use.parameters.end(),
                    [&](const Parameter& other) {
                      return other.name == parameter.name && is_active(other);
                    });
    if (!gives_way) kept.push_back(parameter);
  }
  return kept;
}

void NarrowToTenants(const TenantNarrowing& narrowing, DraftEntry& draft) {
  const PolicyEntry& entry = draft.entry();
  if (Contains(narrowing.active, entry.compartment) ||
      NamesActiveTenant(entry.criteria, narrowing)) {
    return;
  }
  draft.tenants = narrowing.active;
}

PolicyGrant GrantOf(const PolicyUse& use, const TenantNarrowing& narrowing) {
  PolicyGrant grant;
  grant.policy = StrCat("AccessPolicy/", use.policy->policy.id);
  grant.name = use.policy->policy.name;
  grant.source = use.source;
  grant.bound = BoundTenants(use, narrowing);
  for (const PolicyEntry& entry : use.policy->policy.entries) {
    for (std::string& tenant : LiteralTenants(entry.criteria)) {
      AddOnce(std::move(tenant), grant.literal);
    }
  }
  grant.in_force = IsInForce(use, narrowing);
  return grant;
}

std::vector<std::string> TenantsOf(const std::vector<PolicyGrant>& grants) {
  std::vector<std::string> tenants;
  for (const PolicyGrant& grant : grants) {
    for (const BoundTenant& bound : grant.bound) {
      AddOnce(bound.tenant, tenants);
    }
    for (const std::string& literal : grant.literal) AddOnce(literal, tenants);
  }
  return tenants;
}

}  // namespace pdp::policy

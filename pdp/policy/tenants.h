// Tenants: which organizations (care teams, services, ...) a membership is
// bound to, and how a request is narrowed to some of them.
//
// A tenant is a resource that an access item binds to one of the parameters
// that name tenants, or that a policy names literally in `_compartment=`.

#ifndef PDP_POLICY_TENANTS_H_
#define PDP_POLICY_TENANTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/policy/bind.h"
#include "pdp/policy/draft.h"

namespace pdp::policy {

struct BoundTenant {
  std::string parameter;  // Without the percent sign.
  std::string tenant;
};

// An AccessPolicy that a membership names, and the tenants it brings.
struct PolicyGrant {
  std::string policy;  // `AccessPolicy/id`.
  std::string name;
  uint32_t source = 0;  // As PolicyUse::source.
  std::vector<BoundTenant> bound;
  std::vector<std::string> literal;  // Named in `_compartment=`.
  bool in_force = true;              // The active tenants leave it in force.
};

PolicyGrant GrantOf(const PolicyUse& use, const TenantNarrowing& narrowing);

// The tenants of all grants, each once.
std::vector<std::string> TenantsOf(const std::vector<PolicyGrant>& grants);

// The references that `criteria` names in `_compartment=`.
std::vector<std::string> LiteralTenants(std::string_view criteria);

// Whether the active tenants leave `use` in force: it binds one of them, or no
// tenant at all.
bool IsInForce(const PolicyUse& use, const TenantNarrowing& narrowing);

// The parameters of `use` without the values of tenant parameters that are not
// active, where another value of the same name is.
std::vector<Parameter> ParametersInForce(const PolicyUse& use,
                                         const TenantNarrowing& narrowing);

// Confines an entry that names none of the active tenants to them.
void NarrowToTenants(const TenantNarrowing& narrowing, DraftEntry& draft);

}  // namespace pdp::policy

#endif  // PDP_POLICY_TENANTS_H_

// Tenants: which organizations (care teams, services, ...) a membership is
// bound to, and how a request is narrowed to some of them.
//
// A tenant is a resource that an access item binds to one of the parameters
// that name tenants, or that a policy names literally in `_compartment=`.

#ifndef PDP_POLICY_TENANTS_H_
#define PDP_POLICY_TENANTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "pdp/policy/bind.h"
#include "pdp/policy/draft.h"

namespace pdp::policy {

// The references that `use` binds to tenant parameters.
std::vector<std::string> BoundTenants(
    const PolicyUse& use, const std::vector<std::string>& parameters);

// The references that `criteria` names in `_compartment=`.
std::vector<std::string> LiteralTenants(std::string_view criteria);

// Whether the active tenants leave `use` in force: it binds one of them, or no
// tenant at all.
bool IsInForce(const PolicyUse& use, const TenantNarrowing& narrowing);

// Confines an entry that names none of the active tenants to them.
void NarrowToTenants(const TenantNarrowing& narrowing, DraftEntry& draft);

}  // namespace pdp::policy

#endif  // PDP_POLICY_TENANTS_H_

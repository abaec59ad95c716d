#include "pdp/policy/describe_access.h"

#include <algorithm>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::InteractionSet;

constexpr std::string_view kWildcard = "*";

// What an entry grants on every resource of `type`.
InteractionSet Unrestricted(const BoundEntry& entry, std::string_view type) {
  const CompiledEntry& compiled = *entry.compiled;
  const PolicyEntry& source = compiled.source;
  const bool may_be_confined =
      type == kWildcard || type == "Patient" ||
      !fhir::search::PatientCompartmentCodes(type).empty();
  if (compiled.has_criteria || !source.compartment_json.empty() ||
      (may_be_confined && !entry.tenants.empty())) {
    return 0;
  }
  InteractionSet granted = compiled.interactions & entry.in_force;
  if (!compiled.constraints.empty()) {
    granted &=
        ~(fhir::Bit(Interaction::kCreate) | fhir::Bit(Interaction::kUpdate));
  }
  return granted;
}

void AddEntry(const BoundEntry& entry, TypeAccess& type) {
  type.interactions |= entry.compiled->interactions & entry.in_force;
  type.unrestricted |= Unrestricted(entry, type.resource_type);
}

std::string SourceName(uint32_t source) {
  return source == 0 ? std::string("accessPolicy")
                     : StrCat("access[", source - 1, "]");
}

}  // namespace

std::vector<TypeAccess> DescribeTypes(const SubjectAccess& access) {
  std::vector<TypeAccess> types;
  for (const BoundEntry& entry : access.policy->entries()) {
    const std::string& name = entry.compiled->source.resource_type;
    const bool is_known = std::any_of(
        types.begin(), types.end(),
        [&](const TypeAccess& known) { return known.resource_type == name; });
    if (is_known || (!access.super_admin && IsProtectedType(name))) continue;
    TypeAccess type;
    type.resource_type = name;
    if (name == kWildcard) {
      for (const BoundEntry& other : access.policy->entries()) {
        if (other.compiled->is_wildcard) AddEntry(other, type);
      }
    } else {
      for (const BoundEntry* other : access.policy->EntriesFor(name)) {
        AddEntry(*other, type);
      }
    }
    if (type.interactions != 0) types.push_back(std::move(type));
  }
  return types;
}

std::vector<TenantDescription> DescribeTenants(const SubjectAccess& access) {
  std::vector<TenantDescription> tenants;
  for (const PolicyGrant& grant : access.grants) {
    for (const BoundTenant& bound : grant.bound) {
      tenants.push_back(
          {.reference = bound.tenant,
           .granted_by = StrCat(SourceName(grant.source),
                                " binds the parameter `", bound.parameter, "`"),
           .policy = grant.policy,
           .source = grant.source,
           .parameter = bound.parameter});
    }
    for (const std::string& literal : grant.literal) {
      tenants.push_back(
          {.reference = literal,
           .granted_by = StrCat("a criteria of the policy names it in "
                                "`_compartment=`; the policy is given by ",
                                SourceName(grant.source)),
           .policy = grant.policy,
           .source = grant.source,
           .parameter = {}});
    }
  }
  return tenants;
}

std::vector<RoleDescription> DescribeRoles(const SubjectAccess& access) {
  std::vector<RoleDescription> roles;
  const std::vector<std::string>& active = access.active_tenants;
  for (const PolicyGrant& grant : access.grants) {
    if (!grant.in_force) continue;
    RoleDescription role{.policy = grant.policy,
                         .name = grant.name,
                         .tenant = {},
                         .source = grant.source};
    if (grant.bound.empty()) roles.push_back(role);
    for (const BoundTenant& bound : grant.bound) {
      const bool is_active =
          active.empty() ||
          std::find(active.begin(), active.end(), bound.tenant) != active.end();
      if (!is_active) continue;
      role.tenant = bound.tenant;
      roles.push_back(role);
    }
  }
  return roles;
}

}  // namespace pdp::policy

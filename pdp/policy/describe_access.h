// What a subject may do at all, in words and lists: for people who ask what
// somebody's access is, not for decisions.

#ifndef PDP_POLICY_DESCRIBE_ACCESS_H_
#define PDP_POLICY_DESCRIBE_ACCESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "pdp/fhir/interaction.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

struct TypeAccess {
  std::string resource_type;  // Or `*`: every type that is not listed.
  fhir::InteractionSet interactions = 0;  // On some resource at least.
  // On every resource of the type that the projects hold.
  fhir::InteractionSet unrestricted = 0;
};

// In the order in which the policy names the types.
// REQUIRES: access.policy is not null.
std::vector<TypeAccess> DescribeTypes(const SubjectAccess& access);

struct TenantDescription {
  std::string reference;
  std::string granted_by;  // In words.
  std::string policy;
  uint32_t source = 0;    // As PolicyUse::source.
  std::string parameter;  // Empty: named literally.
};

// The tenants that the subject may choose, each as often as it is granted.
std::vector<TenantDescription> DescribeTenants(const SubjectAccess& access);

struct RoleDescription {
  std::string policy;
  std::string name;
  std::string tenant;  // Empty: bound to none.
  uint32_t source = 0;
};

// The policies in force, for each tenant that they are bound to.
std::vector<RoleDescription> DescribeRoles(const SubjectAccess& access);

}  // namespace pdp::policy

#endif  // PDP_POLICY_DESCRIBE_ACCESS_H_

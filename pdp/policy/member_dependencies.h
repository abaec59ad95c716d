// What a member's access is made from.

#ifndef PDP_POLICY_MEMBER_DEPENDENCIES_H_
#define PDP_POLICY_MEMBER_DEPENDENCIES_H_

#include <optional>
#include <string_view>
#include <vector>

#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"

namespace pdp::policy {

// The resources that say what the member with the membership `reference`,
// `ProjectMembership/id`, may do, whatever it asks for: until one of them
// changes, that does not change.  Those that do not exist are among them; some
// may not count.  Nothing where it cannot be told now.
std::optional<std::vector<fhir::ResourceKey>> MemberDependencies(
    std::string_view reference, const fhir::ResourceLookup& lookup);

}  // namespace pdp::policy

#endif  // PDP_POLICY_MEMBER_DEPENDENCIES_H_

// Which resource types Medplum treats specially (semantics S-6).

#ifndef PDP_POLICY_TYPE_RULES_H_
#define PDP_POLICY_TYPE_RULES_H_

#include <span>
#include <string_view>

namespace pdp::policy {

// Only super admins reach these, whatever a policy says.
bool IsProtectedType(std::string_view type);

// `*` never covers these; non-admins never reach them.
bool IsProjectAdminType(std::string_view type);
std::span<const std::string_view> ProjectAdminTypes();

// The project of the base definitions, linked to every project for reading
// (semantics S-7).
std::string_view BaseProjectId();
bool BaseProjectExports(std::string_view type);

}  // namespace pdp::policy

#endif  // PDP_POLICY_TYPE_RULES_H_

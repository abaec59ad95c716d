// What Medplum adds to every policy itself: the default readable types, and the
// rules for project admins and super admins (semantics S-2).

#ifndef PDP_POLICY_BUILTIN_RULES_H_
#define PDP_POLICY_BUILTIN_RULES_H_

#include <string_view>
#include <vector>

#include "pdp/policy/draft.h"

namespace pdp::policy {

// A membership that names no policy may do everything (S-2).
DraftEntry NoPolicyEntry();

// SearchParameter and StructureDefinition are readable unless an entry names
// them (S-2).
void AddDefaultTypes(std::vector<DraftEntry>& entries);

// The last step (S-2): project-admin types are removed from what policies say;
// an admin gets fixed entries for them, a super admin the whole of each that
// the policies do not name.
void ApplyAdminRules(bool super_admin, bool admin, std::string_view project_id,
                     std::vector<DraftEntry>& entries);

}  // namespace pdp::policy

#endif  // PDP_POLICY_BUILTIN_RULES_H_

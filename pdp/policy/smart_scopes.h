// SMART scopes: how the scope of a login narrows a policy (semantics S-5).

#ifndef PDP_POLICY_SMART_SCOPES_H_
#define PDP_POLICY_SMART_SCOPES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/policy/draft.h"
#include "pdp/policy/mode.h"

namespace pdp::policy {

struct SmartScope {
  enum class Context { kPatient, kUser, kSystem };
  Context context = Context::kUser;
  std::string resource_type;  // A type's name or `*`.
  std::string permissions;    // Letters of `cruds`; may be empty.
  std::string criteria;       // The scope's query, serialized; empty for none.
};

// The terms of `scope` that are SMART resource scopes, in order.
std::vector<SmartScope> ParseSmartScopes(std::string_view scope);

// Replaces `entries` by their combinations with `scopes`, as Medplum combines
// them.  `patient_context` is `Patient/id` or empty.
// In strict mode each letter stands for itself, an empty permission grants
// nothing, and neither does `patient/` without a patient.
// False, and `entries` of no use: there are more than kMaxScopedEntries.
// REQUIRES: `scopes` is not empty.
bool ApplySmartScopes(const std::vector<SmartScope>& scopes,
                      std::string_view patient_context, Mode mode,
                      std::vector<DraftEntry>& entries);

inline constexpr size_t kMaxScopedEntries = 10'000;

}  // namespace pdp::policy

#endif  // PDP_POLICY_SMART_SCOPES_H_

// Which parameters of a membership put which values into the entries of its
// bound policy.  A bound policy does not remember: the membership and its
// policies are read again.

#ifndef PDP_POLICY_ENTRY_PARAMETERS_H_
#define PDP_POLICY_ENTRY_PARAMETERS_H_

#include <string_view>
#include <vector>

#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/explain.h"

namespace pdp::policy {

// Fills in `parameters` of each entry, as far as they can be told.
void AddEntryParameters(std::string_view membership,
                        const fhir::ResourceLookup& lookup,
                        std::vector<ExplainedEntry>& entries);

}  // namespace pdp::policy

#endif  // PDP_POLICY_ENTRY_PARAMETERS_H_

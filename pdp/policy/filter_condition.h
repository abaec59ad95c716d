// Criteria as a condition tree, for data stores other than Medplum's.

#ifndef PDP_POLICY_FILTER_CONDITION_H_
#define PDP_POLICY_FILTER_CONDITION_H_

#include <optional>

#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/decision.h"

namespace pdp::policy {

// Nothing where some filter cannot be said exactly: a prefix or modifier
// without a comparison of its own, or an unknown parameter.
std::optional<Condition> ConditionOf(const fhir::search::Criteria& criteria);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_CONDITION_H_

// Filter: which FHIR searches find exactly what a subject may find
// (semantics E.2-E.4).

#ifndef PDP_POLICY_FILTER_H_
#define PDP_POLICY_FILTER_H_

#include "pdp/policy/decision.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

// REQUIRES: access.policy is not null.
void BuildFilter(const SubjectAccess& access, const FilterRequest& request,
                 Mode mode, FilterAnswer& answer);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_H_

// Filter: which FHIR searches find exactly what a subject may find
// (semantics S-13, S-14, S-21), and the same as one search and as a condition.
//
// filter_entries.h says what the policy lets through, filter_query.h what of
// the caller's query is kept, filter_text.h and filter_condition.h how both are
// said.

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

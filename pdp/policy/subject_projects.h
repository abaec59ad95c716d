// The projects whose data says who a subject is and what it may do.

#ifndef PDP_POLICY_SUBJECT_PROJECTS_H_
#define PDP_POLICY_SUBJECT_PROJECTS_H_

#include <optional>
#include <string>
#include <vector>

#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/request.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

// Fills in the ids of the projects of the subject's membership and of the one
// on whose behalf it acts, each once.  `projects` stays empty where no
// membership of the subject is known.
std::optional<LookupFailure> FindSubjectProjects(
    const Subject& subject, const RequestContext& context,
    const fhir::ResourceLookup& lookup, std::vector<std::string>& projects);

// Adds to `projects` all that the access of these subjects is built from: their
// own, the ones that these link, and those of the AccessPolicies that their
// memberships name.
std::optional<LookupFailure> AddNamedProjects(
    const Subject& subject, const RequestContext& context,
    const fhir::ResourceLookup& lookup, std::vector<std::string>& projects);

}  // namespace pdp::policy

#endif  // PDP_POLICY_SUBJECT_PROJECTS_H_

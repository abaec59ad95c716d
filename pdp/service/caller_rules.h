// What a caller may ask: which methods, about whom, and what of a resource it
// may say itself.  The whole of it is here.

#ifndef PDP_SERVICE_CALLER_RULES_H_
#define PDP_SERVICE_CALLER_RULES_H_

#include <optional>
#include <string>
#include <string_view>

#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/policy/request.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/caller.h"
#include "pdp/service/metrics.h"

namespace medplum::pdp::v1 {
class Resource;
class Subject;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// Whether anybody may call `method`: health.
bool IsOpenToAll(Method method);

// PermissionDenied, with what is missing, where `caller` may not call `method`.
absl::Status CheckMethod(const Caller& caller, Method method);

// In all that follows a call of this process itself, without a caller, may ask
// anything; what may not be asked is PermissionDenied, with its refusal.

// Whom it may name.
CallOutcome CheckSubject(const CallOrigin& origin, const v1::Subject& subject);

// What it may say of resources: `body` is believed, so it takes a right;
// `proposed` is judged.
CallOutcome CheckBody(const CallOrigin& origin, const v1::Resource& resource);
CallOutcome CheckBodies(const CallOrigin& origin);

// Whether the subject, and whoever it acts for, are members of the caller's
// projects: every one that `subject` may mean.  A subject that is not known
// here is none of another project's.  Pending where that has to be looked up
// first.
CallOutcome CheckProjects(const CallAttempt& attempt,
                          const policy::Subject& subject,
                          const policy::RequestContext& context,
                          const fhir::ResourceLookup& lookup);

// Whether `member`, `ProjectMembership/id`, may be watched; empty: every
// member.
CallOutcome CheckWatched(const CallAttempt& attempt, std::string_view member,
                         const fhir::ResourceLookup& lookup);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALLER_RULES_H_

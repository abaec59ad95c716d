// What is asked about: the resource of a request.
//
// Errors, the life of text and `token` are as in convert_request.h.

#ifndef PDP_SERVICE_CONVERT_RESOURCE_H_
#define PDP_SERVICE_CONVERT_RESOURCE_H_

#include "absl/status/status.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/policy/request.h"
#include "pdp/service/request_limits.h"

namespace medplum::pdp::v1 {
class Resource;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// Parses `body` and `proposed`, and fills in type and id from them.  What does
// not depend on the interaction is checked here, what does in CheckResource:
// one resource may serve several interactions.
absl::Status ConvertResource(const v1::Resource& message,
                             const RequestLimits& limits,
                             policy::ResourceFacts& facts);

// With a token no other project than its own may be named.
absl::Status CheckTokenProject(const policy::TokenBinding* token,
                               const v1::Resource& message);

absl::Status CheckResource(fhir::Interaction interaction,
                           const policy::ResourceFacts& facts);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONVERT_RESOURCE_H_

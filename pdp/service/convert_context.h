// Who asks, and under which circumstances: subject and context of a request.
//
// Errors, the life of text and `token` are as in convert_request.h.

#ifndef PDP_SERVICE_CONVERT_CONTEXT_H_
#define PDP_SERVICE_CONVERT_CONTEXT_H_

#include "absl/status/status.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/service/request_limits.h"

namespace medplum::pdp::v1 {
class Context;
class Subject;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

absl::Status ConvertSubject(const v1::Subject& message,
                            policy::Subject& subject,
                            const policy::TokenBinding* token = nullptr);

// Fills in what the login of `token` says; `message` may not say it.
absl::Status ConvertLogin(const v1::Context& message,
                          const policy::TokenBinding& token,
                          policy::RequestContext& context);

absl::Status ConvertContext(const v1::Context& message, policy::Mode mode,
                            const RequestLimits& limits,
                            policy::RequestContext& context,
                            const policy::TokenBinding* token = nullptr);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONVERT_CONTEXT_H_

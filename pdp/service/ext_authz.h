// Envoy's messages and what the gateway knows of requests and answers.

#ifndef PDP_SERVICE_EXT_AUTHZ_H_
#define PDP_SERVICE_EXT_AUTHZ_H_

#include "absl/status/status.h"
#include "pdp/gateway/question.h"
#include "pdp/service/gateway.h"

namespace envoy::service::auth::v3 {
class CheckRequest;
class CheckResponse;
}  // namespace envoy::service::auth::v3

namespace pdp::service {

namespace ext_authz = ::envoy::service::auth::v3;

// The result points into `message`.  InvalidArgument where the message says two
// things of one request.
absl::Status ReadExtAuthz(const ext_authz::CheckRequest& message,
                          gateway::HttpRequest& request);

// `status` is why there is no decision, if there is none.
void WriteExtAuthz(const GatewayAnswer& answer, const absl::Status& status,
                   ext_authz::CheckResponse& message);

}  // namespace pdp::service

#endif  // PDP_SERVICE_EXT_AUTHZ_H_

// One decision without any transport: serialized messages in and out.

#ifndef PDP_SERVICE_DECIDE_BYTES_H_
#define PDP_SERVICE_DECIDE_BYTES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/service/decision_service.h"

namespace pdp::service {

// `request` is a v1.CheckRequest, `response`, which is overwritten, a
// v1.CheckResponse.  What the call would have to wait for is Unavailable.
absl::Status Decide(const DecisionService& service, std::string_view request,
                    std::string& response);

}  // namespace pdp::service

#endif  // PDP_SERVICE_DECIDE_BYTES_H_

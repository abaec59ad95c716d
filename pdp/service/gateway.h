// Gateway: whether a request that has reached a proxy may go on to the FHIR
// server behind it, decided as any other call is.  Free of any transport;
// thread-safe.

#ifndef PDP_SERVICE_GATEWAY_H_
#define PDP_SERVICE_GATEWAY_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pdp/gateway/question.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/gateway_settings.h"
#include "pdp/service/metrics.h"

namespace pdp::service {

class DecisionService;

// The headers that the upstream is told by.
inline constexpr const char* kDecisionIdHeader = "x-pdp-decision-id";
inline constexpr const char* kHiddenFieldsHeader = "x-pdp-hidden-fields";
inline constexpr const char* kReadonlyFieldsHeader = "x-pdp-readonly-fields";
inline constexpr const char* kQueryHeader = "x-pdp-query";

// What the proxy is told.
struct GatewayAnswer {
  bool is_permitted = false;
  int http_status = 503;    // Of what is not.
  std::string decision_id;  // Empty: there is none.
  // Where it is permitted: headers that the request goes on with in place of
  // its own of that name, and names of those that it goes on without.
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> headers_to_remove;
  // The target that it goes on with; empty: its own.
  std::string target;

  // What a client is shown: the decision id, and nothing else.
  std::string Body() const;
};

class Gateway {
 public:
  // `decisions` must outlive the gateway.
  Gateway(const DecisionService& decisions, GatewayRules rules)
      : decisions_(decisions), rules_(std::move(rules)) {}

  // `method` is the one that the answer is recorded as.  Where the outcome is
  // pending the call is made again; where it is an error `answer` says so.
  CallOutcome Decide(Method method, const CallAttempt& attempt,
                     const gateway::HttpRequest& request,
                     GatewayAnswer& answer) const;

  // What is answered where there is no decision.
  static GatewayAnswer Failure(const absl::Status& status);

 private:
  CallOutcome Check(Method method, const CallAttempt& attempt,
                    const gateway::Question& question,
                    GatewayAnswer& answer) const;
  CallOutcome Search(Method method, const CallAttempt& attempt,
                     const gateway::Question& question,
                     GatewayAnswer& answer) const;

  const DecisionService& decisions_;
  const GatewayRules rules_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_GATEWAY_H_

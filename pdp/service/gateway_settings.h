// GatewaySettings: the part of the configuration that is about proxies in front
// of a FHIR server.

#ifndef PDP_SERVICE_GATEWAY_SETTINGS_H_
#define PDP_SERVICE_GATEWAY_SETTINGS_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "pdp/gateway/question.h"
#include "pdp/service/listen_address.h"

namespace medplum::pdp::config::v1 {
class Config;
}

namespace pdp::service {

// What becomes of a search that finds more than the member may.
enum class WiderSearch : uint8_t {
  kDenied,
  kInHeader,   // Goes on with the permitted one in a header.
  kRewritten,  // The permitted one goes on in its place.
};

// What the upstream does with what it is told.
struct GatewayRules {
  gateway::Options options;
  WiderSearch wider_search = WiderSearch::kDenied;
  bool is_same_project = false;  // As FilterRequest.runner.
  bool honors_hidden_fields = false;
  bool honors_readonly_fields = false;
};

// In which headers forward-auth finds the client's request.
enum class ForwardAuthHeaders : uint8_t { kOriginal, kForwarded };

struct GatewaySettings {
  bool ext_authz = false;
  std::optional<ListenAddress> forward_auth;
  ForwardAuthHeaders forward_auth_headers = ForwardAuthHeaders::kOriginal;
  GatewayRules rules;
};

// InvalidArgument, "gateway.base-path: ...".
absl::StatusOr<GatewaySettings> ReadGateway(
    const ::medplum::pdp::config::v1::Config& config);

}  // namespace pdp::service

#endif  // PDP_SERVICE_GATEWAY_SETTINGS_H_

#include "pdp/service/gateway_settings.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/gateway/headers.h"
#include "pdp/gateway/request_target.h"

namespace pdp::service {
namespace {

namespace config = ::medplum::pdp::config::v1;

constexpr uint32_t kMaxForwardedFor = 16;

absl::Status Wrong(std::string_view key, std::string_view message) {
  return absl::InvalidArgumentError(StrCat("gateway.", key, ": ", message));
}

absl::Status ReadForwardAuth(const config::Config& config,
                             GatewaySettings& to) {
  const std::string& text = config.gateway().forward_auth();
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<ListenAddress> address = config.tls().allow_plaintext()
                                              ? ParseAnyListenAddress(text)
                                              : ParseListenAddress(text);
  if (!address.ok()) {
    return Wrong("forward-auth", ToStd(address.status().message()));
  }
  if (address->kind != ListenAddress::Kind::kTcp) {
    return Wrong("forward-auth",
                 StrCat("`", text,
                        "` is not host:port; HTTP is not served on unix "
                        "sockets"));
  }
  to.forward_auth = *std::move(address);
  return absl::OkStatus();
}

absl::Status ReadTenantHeader(const config::Gateway& from,
                              gateway::Options& options) {
  options.stored_tenant = from.stored_tenant();
  const std::string& name = from.tenant_header();
  if (name.empty()) return absl::OkStatus();
  options.tenant_header = gateway::PlainHeaderName(name);
  const bool is_name = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
  });
  if (!is_name || options.tenant_header.starts_with(gateway::kOwnPrefix)) {
    return Wrong("tenant-header",
                 "must be a header's name of letters, digits and hyphens that "
                 "does not begin with x-pdp-");
  }
  return absl::OkStatus();
}

void ReadUpstream(const config::Gateway& from, GatewayRules& rules) {
  switch (from.search()) {
    case config::GATEWAY_SEARCH_HEADER:
      rules.wider_search = WiderSearch::kInHeader;
      break;
    case config::GATEWAY_SEARCH_REWRITE:
      rules.wider_search = WiderSearch::kRewritten;
      break;
    default:
      break;
  }
  rules.is_same_project = from.runner() == config::GATEWAY_RUNNER_SAME_PROJECT;
  for (const int obligation : from.honors()) {
    if (obligation == config::GATEWAY_OBLIGATION_HIDDEN_FIELDS) {
      rules.honors_hidden_fields = true;
    } else if (obligation == config::GATEWAY_OBLIGATION_READONLY_FIELDS) {
      rules.honors_readonly_fields = true;
    }
  }
}

}  // namespace

absl::StatusOr<GatewaySettings> ReadGateway(const config::Config& config) {
  const config::Gateway& from = config.gateway();
  GatewaySettings to;
  to.ext_authz = from.ext_authz();
  PDP_RETURN_IF_ERROR(ReadForwardAuth(config, to));
  if (config.has_gateway() && !to.ext_authz && !to.forward_auth) {
    return Wrong("ext-authz",
                 "neither this nor forward-auth is on; write ext-authz: true, "
                 "or the address of forward-auth, or leave the section out");
  }
  if (from.forward_auth_headers() == config::FORWARD_AUTH_HEADERS_FORWARDED) {
    to.forward_auth_headers = ForwardAuthHeaders::kForwarded;
  }
  gateway::Options& options = to.rules.options;
  if (!from.base_path().empty()) {
    options.base_path = from.base_path() == "/" ? "" : from.base_path();
  }
  if (!gateway::IsBasePath(options.base_path)) {
    return Wrong("base-path",
                 StrCat("`", options.base_path,
                        "` is not a plain path; write it as /fhir/R4, without "
                        "a slash at its end"));
  }
  PDP_RETURN_IF_ERROR(ReadTenantHeader(from, options));
  if (from.forwarded_for() > kMaxForwardedFor) {
    return Wrong("forwarded-for", StrCat("must be 0 to ", kMaxForwardedFor));
  }
  options.forwarded_for = from.forwarded_for();
  options.opens_metadata = from.metadata();
  ReadUpstream(from, to.rules);
  return to;
}

}  // namespace pdp::service

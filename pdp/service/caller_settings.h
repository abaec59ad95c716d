// CallerSettings: the part of the configuration that says who may ask, and
// what.

#ifndef PDP_SERVICE_CALLER_SETTINGS_H_
#define PDP_SERVICE_CALLER_SETTINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/service/caller.h"

namespace medplum::pdp::config::v1 {
class Config;
}

namespace pdp::service {

// A caller, and how it is known: one of the following.
struct CallerSettings {
  Caller caller;
  bool from_loopback = false;
  std::string token_file;
  std::string san_uri;
  std::string san_dns;
  struct Jwt {
    std::string issuer;
    std::string audience;
    std::string subject;  // Empty: any.
    // One of the two.
    std::string jwks_file;
    std::string jwks_url;
    std::string jwks_ca_file;  // Of jwks_url; empty: the system's.
  };
  std::optional<Jwt> jwt;
};

// As Config.callers in config.proto.  InvalidArgument, "callers[1].name: ...",
// where they cannot be used, or there is none.
absl::StatusOr<std::vector<CallerSettings>> ReadCallers(
    const ::medplum::pdp::config::v1::Config& config);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALLER_SETTINGS_H_

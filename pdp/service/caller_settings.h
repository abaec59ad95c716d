// CallerSettings: the part of the configuration that says who may ask, and
// what.

#ifndef PDP_SERVICE_CALLER_SETTINGS_H_
#define PDP_SERVICE_CALLER_SETTINGS_H_

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
};

// As Config.callers in config.proto.  InvalidArgument, "callers[1].name: ...",
// where they cannot be used, or there is none.
absl::StatusOr<std::vector<CallerSettings>> ReadCallers(
    const ::medplum::pdp::config::v1::Config& config);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALLER_SETTINGS_H_

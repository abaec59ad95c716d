// What the options of a member's UserConfiguration say that this server reads.

#ifndef PDP_POLICY_USER_OPTIONS_H_
#define PDP_POLICY_USER_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pdp/fhir/resource.h"

namespace pdp::policy {

struct UserOptions {
  // The values of `activeTenant`.  Empty text: a value that is no string.
  std::vector<std::string> active_tenants;
  // `sessionTimeoutMinutes`, the shortest.
  std::optional<absl::Duration> session_timeout;
  // Some value of it is no positive number.
  bool session_timeout_is_wrong = false;
};

// REQUIRES: resource.type() is "UserConfiguration".
UserOptions ParseUserOptions(const fhir::Resource& resource);

}  // namespace pdp::policy

#endif  // PDP_POLICY_USER_OPTIONS_H_

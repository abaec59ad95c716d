// The rest-hook Subscriptions of one endpoint: found, made where they are
// missing, and cleared of what is superseded.
//
// They outlive this process, and servers that share an endpoint share them.
// Ours are those that name the endpoint, a bare type, and our reason.

#ifndef PDP_MEDPLUM_REST_HOOK_SUBSCRIPTIONS_H_
#define PDP_MEDPLUM_REST_HOOK_SUBSCRIPTIONS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/api.h"

namespace pdp::medplum {

struct RestHookTarget {
  std::string endpoint;
  std::vector<std::string> types;
  std::string reason = "medplum-pdp";
};

struct RestHookSubscriptions {
  // The type that each of ours is about, by its id: also of those below.
  StringMap<std::string> types;
  // How many were missing, and have been made.
  size_t created = 0;
  // Not needed any more: switched off, or more than one for a type, or of
  // another secret.
  std::vector<std::string> superseded;
};

// Makes sure that there is an active Subscription under `secret` for each type.
//
// One of another secret is not superseded before it is an hour old at `now`:
// another server that shares the endpoint may not have the new secret yet, and
// would take turns with us in replacing each other's.
//
// The errors are those of Api, in words that say what to do.
absl::StatusOr<RestHookSubscriptions> EnsureRestHooks(
    Api& api, const RestHookTarget& target, const std::string& secret,
    absl::Time now);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_REST_HOOK_SUBSCRIPTIONS_H_

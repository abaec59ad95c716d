// RestHookRoutes: which channel a rest-hook request is for.  The listener is
// there from the start to the end; channels come and go.

#ifndef PDP_MEDPLUM_REST_HOOK_ROUTES_H_
#define PDP_MEDPLUM_REST_HOOK_ROUTES_H_

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/medplum/rest_hook.h"
#include "pdp/medplum/rest_hook_channel.h"

namespace pdp::medplum {

// Thread-safe.  Outlives what Route returned.
class RestHookRoutes {
 public:
  RestHookRoutes() = default;
  RestHookRoutes(const RestHookRoutes&) = delete;
  RestHookRoutes& operator=(const RestHookRoutes&) = delete;

  // From now on requests for `name` go to `channel`.  Destroying what is
  // returned ends that, waits for the requests that are under way, and destroys
  // the channel.
  // REQUIRES: nothing is routed to `name`
  std::shared_ptr<void> Route(std::string name,
                              std::unique_ptr<RestHookChannel> channel);

  // As RestHookChannel::Receive.  503, which the server tries again, where
  // nothing is routed to `name`.
  int Receive(std::string_view name, const RestHookRequest& request) const;

 private:
  class Entry;

  mutable std::shared_mutex mutex_;  // Guards channels_, and the use of each.
  StringMap<RestHookChannel*> channels_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_REST_HOOK_ROUTES_H_

// The calls that a CallQueue serves, by service.  Each function makes `queue`
// ready for the first requests; it runs on the queue's thread.

#ifndef PDP_SERVICE_CALLS_H_
#define PDP_SERVICE_CALLS_H_

namespace pdp::service {

class CallQueue;

// Check, BatchCheck, CheckStream, Filter and FilterResources.
void PostDecisionCalls(CallQueue& queue);

// The rest of PolicyDecisionPoint.
void PostDescriptionCalls(CallQueue& queue);

// WatchRevisions.
void PostWatchCalls(CallQueue& queue);

// ext_authz.
void PostGatewayCalls(CallQueue& queue);

void PostAdminCalls(CallQueue& queue);
void PostHealthCalls(CallQueue& queue);
void PostReflectionCalls(CallQueue& queue);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALLS_H_

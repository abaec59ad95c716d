// The gate: every call goes through it once, before anything of its request is
// looked at.

#ifndef PDP_SERVICE_CALL_GATE_H_
#define PDP_SERVICE_CALL_GATE_H_

#include "absl/status/status.h"
#include "pdp/service/caller.h"
#include "pdp/service/metrics.h"

namespace grpc {
class ServerContext;
}

namespace pdp::service {

struct CallContext;

// Fills in who makes `call`; null where `method` is open to all.
// Unauthenticated, PermissionDenied: the call ends with it.
absl::Status Admit(const CallContext& context, const grpc::ServerContext& call,
                   Method method, const Caller*& caller);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_GATE_H_

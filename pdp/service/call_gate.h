// The gate: every call goes through it once, before anything of its request is
// looked at.

#ifndef PDP_SERVICE_CALL_GATE_H_
#define PDP_SERVICE_CALL_GATE_H_

#include <string_view>

#include "absl/status/status.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/metrics.h"

namespace grpc {
class ServerContext;
}

namespace pdp::service {

class CallQueue;
class Callers;
struct CallCredentials;

// Finds out who calls, whatever the transport: fills in `origin.caller`.  Null
// credentials: they are there twice.  Otherwise as Admit.
absl::Status AdmitCaller(const Callers& callers, Metrics& metrics,
                         const CallCredentials* credentials,
                         std::string_view peer, Method method,
                         CallOrigin& origin);

// Fills in where `call` comes from; nothing where `method` is open to all.  Its
// text is the call's.  Anything but OK, and the call ends with it:
//   Unauthenticated, PermissionDenied  nobody, or a caller that may not call it
//   Unavailable                        it cannot be told yet who it is
//   ResourceExhausted                  too many calls
//   DeadlineExceeded                   nobody waits for the answer any more
absl::Status Admit(const CallQueue& queue, const grpc::ServerContext& call,
                   Method method, CallOrigin& origin);

// The same of each further message of a stream.
absl::Status AdmitMessage(const CallQueue& queue, Method method,
                          const CallOrigin& origin);

// Ends a stream whose client does not read.
void CutOff(const CallQueue& queue, grpc::ServerContext& call, Method method,
            const CallOrigin& origin);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_GATE_H_

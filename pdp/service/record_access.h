// RecordAccess: what an enforcement point did with a decision.

#ifndef PDP_SERVICE_RECORD_ACCESS_H_
#define PDP_SERVICE_RECORD_ACCESS_H_

#include "pdp/service/call_outcome.h"

namespace medplum::pdp::v1 {
class RecordAccessRequest;
}

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// Adds the record to the attempt's ledger.  InvalidArgument: malformed;
// FailedPrecondition: nothing is recorded here; PermissionDenied: the decision
// is known to be another caller's, and this one is no administrator.
CallOutcome RecordAccess(const CallAttempt& attempt,
                         const v1::RecordAccessRequest& request);

}  // namespace pdp::service

#endif  // PDP_SERVICE_RECORD_ACCESS_H_

// What becomes of the status of a call.

#ifndef PDP_CLIENTS_CPP_STATUS_H_
#define PDP_CLIENTS_CPP_STATUS_H_

#include <string>

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace medplum_pdp {

// `status` of a call that was not answered, in such a way that nobody takes it
// for a denial: PermissionDenied and Unauthenticated, which were said of the
// caller, become FailedPrecondition, and their names begin the message.
absl::Status AsNoDecision(const absl::Status& status);

// The same of a gRPC status code and message.
absl::Status FromGrpc(int code, const std::string& message);

// The same of an item that has no decision.  Never OK.
absl::Status ItemStatus(const ::medplum::pdp::v1::ItemError& error);

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_STATUS_H_

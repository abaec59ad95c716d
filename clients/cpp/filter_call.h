// The stream of one FilterResources.  Include only where calls are made.

#ifndef PDP_CLIENTS_CPP_FILTER_CALL_H_
#define PDP_CLIENTS_CPP_FILTER_CALL_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cpp/core.h"
#include "medplum_pdp/client.h"

namespace medplum_pdp {

// Sends `messages`, and calls `done` once with all that came back; perhaps
// before it returns.
void StartFilterCall(
    ClientCore& core, std::vector<v1::FilterResourcesRequest> messages,
    const CallOptions& options,
    std::function<void(absl::StatusOr<FilteredResources>)> done);

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_FILTER_CALL_H_

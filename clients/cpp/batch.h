// BatchChecks that are larger than a server takes.

#ifndef PDP_CLIENTS_CPP_BATCH_H_
#define PDP_CLIENTS_CPP_BATCH_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "medplum_pdp/decision.h"

namespace medplum_pdp {

// The items of `request`, in their order, in requests of at most `max_items`
// items and `max_bytes` bytes each; an item that is larger by itself has one of
// its own.  Each has those of `resources` that its items refer to.
std::vector<v1::BatchCheckRequest> SplitBatch(
    const v1::BatchCheckRequest& request, size_t max_items, size_t max_bytes);

// What was answered to a request of `items` items: all of them have a decision
// or none.
std::vector<Decision> DecisionsOf(const absl::Status& status,
                                  v1::BatchCheckResponse response,
                                  size_t items);

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_BATCH_H_

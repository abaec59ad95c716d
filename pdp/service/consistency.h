// Whether the data is as fresh as a call needs it.

#ifndef PDP_SERVICE_CONSISTENCY_H_
#define PDP_SERVICE_CONSISTENCY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/decision.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/data_state.h"

namespace medplum::pdp::v1 {
class Consistency;
}

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// What every call gets before the first load is complete.
absl::Status NotReady();

// The note of an answer from data that is past the warning bound.
policy::Note StaleNote();

struct ConsistencyFacts {
  const DataState& data;
  const fhir::ResourceLookup& lookup;
  uint64_t revision = 0;
  absl::Duration max_staleness;  // The server's own bound.
};

// OK where the data is as fresh as `wanted` and the server's bound say;
// Unavailable, beginning with `STALE: `, where it is not, with needs_refresh
// set where reading the source again may help; InvalidArgument for a malformed
// `wanted`.
CallOutcome CheckConsistency(const ConsistencyFacts& facts,
                             const CallAttempt& attempt,
                             const v1::Consistency& wanted, absl::Time now);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONSISTENCY_H_

// Whether the data is what a call has seen of it, or newer: the part of
// Consistency that is of no one project.  feed_check.h has the rest.

#ifndef PDP_SERVICE_CONSISTENCY_H_
#define PDP_SERVICE_CONSISTENCY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/decision.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/data_state.h"
#include "pdp/service/feed_check.h"

namespace medplum::pdp::v1 {
class Consistency;
}

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// What every call gets before the first load is complete.
CallOutcome NotReady();

// The note of an answer from data that is past the warning bound.
policy::Note StaleNote();

// The note of an answer by rules that were not checked against the server.
policy::Note ServerVersionNote();

struct ConsistencyFacts {
  const DataState& data;
  const fhir::ResourceLookup& lookup;
  uint64_t revision = 0;  // That the decision point had reached before.
};

// The id of the project as whose member facts are looked for.
std::string ProjectOf(const ConsistencyFacts& facts,
                      const DecisionScope& scope);

// OK where what `wanted` names is known here; Unavailable, beginning with
// `STALE: `, where it is not, pending where what it names can be fetched;
// InvalidArgument for a malformed `wanted`.
CallOutcome CheckConsistency(const ConsistencyFacts& facts,
                             const CallAttempt& attempt,
                             const v1::Consistency& wanted,
                             const DecisionScope& scope);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONSISTENCY_H_

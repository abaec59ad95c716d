// How a call to the service ended, and what it may ask for on the way.

#ifndef PDP_SERVICE_CALL_OUTCOME_H_
#define PDP_SERVICE_CALL_OUTCOME_H_

#include <vector>

#include "absl/status/status.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::service {

struct CallOutcome {
  // OK: answered.  Otherwise there is no decision.
  absl::Status status;
  // Facts that must be fetched before the call is made again.
  std::vector<fhir::ResourceKey> needed;
  // The source must be read again before the call is made again.
  bool needs_refresh = false;

  bool pending() const { return needs_refresh || !needed.empty(); }
};

// What a call may ask for, and what has been got for it already.
struct CallAttempt {
  bool may_fetch = false;    // Facts can be fetched: CallOutcome.needed.
  bool may_refresh = false;  // The source can be read again.
  bool refreshed = false;    // It was, after the call had come in.
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_OUTCOME_H_

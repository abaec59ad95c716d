// Ids of decisions: unique, cheap, and in the order of time.

#ifndef PDP_SERVICE_DECISION_ID_H_
#define PDP_SERVICE_DECISION_ID_H_

#include <string>

#include "absl/time/time.h"

namespace pdp::service {

// Writes a UUID of version 7 (RFC 9562) to `id`.  Its random bits come from a
// generator of the calling thread that the operating system seeded, so ids are
// unique but can be guessed: they are names, not secrets.  Thread-safe.
void WriteDecisionId(absl::Time now, std::string& id);

}  // namespace pdp::service

#endif  // PDP_SERVICE_DECISION_ID_H_

// An explanation of the decision point → that of the API.

#ifndef PDP_SERVICE_CONVERT_EXPLANATION_H_
#define PDP_SERVICE_CONVERT_EXPLANATION_H_

#include "pdp/policy/explain.h"

namespace medplum::pdp::v1 {
class ExplainResponse;
}

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// Fills in everything but the decision.
// REQUIRES: `message` is empty but for the decision.
void ConvertExplanation(const policy::Explanation& explanation,
                        v1::ExplainResponse& message);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONVERT_EXPLANATION_H_

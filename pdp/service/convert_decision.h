// Answers of the decision point → answers of the API.

#ifndef PDP_SERVICE_CONVERT_DECISION_H_
#define PDP_SERVICE_CONVERT_DECISION_H_

#include "pdp/policy/bound_policy.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/decision_point.h"

namespace medplum::pdp::v1 {
class Decision;
class DescribeAccessResponse;
class FilterResponse;
class Note;
class PolicyEntry;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// Fill in everything but decision_id and valid_until.
// REQUIRES: `message` is empty.
void ConvertDecision(const policy::Decision& decision, v1::Decision& message);
void ConvertEntry(const policy::EntrySource& source, v1::PolicyEntry& message);
void ConvertFilterAnswer(const policy::FilterAnswer& answer,
                         v1::FilterResponse& message);
void ConvertNote(const policy::Note& note, v1::Note& message);
// `revision` is left out, too.
void ConvertEffectivePolicy(
    const policy::DecisionPoint::EffectivePolicy& answer,
    v1::DescribeAccessResponse& message);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONVERT_DECISION_H_

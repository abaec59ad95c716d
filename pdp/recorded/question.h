// What was asked, by the record of its answer.

#ifndef PDP_RECORDED_QUESTION_H_
#define PDP_RECORDED_QUESTION_H_

#include "absl/status/statusor.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/audit/record.h"

namespace pdp::recorded {

// The question, without tenants: the record does not tell those that were
// active from those that decided.  FailedPrecondition, with a sentence: it
// cannot be asked again.
absl::StatusOr<::medplum::pdp::v1::CheckRequest> QuestionOf(
    const audit::Record& record);

}  // namespace pdp::recorded

#endif  // PDP_RECORDED_QUESTION_H_

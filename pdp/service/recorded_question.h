// A decision of the audit log, asked again.

#ifndef PDP_SERVICE_RECORDED_QUESTION_H_
#define PDP_SERVICE_RECORDED_QUESTION_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit/log_reader.h"
#include "pdp/audit/record.h"

namespace medplum::pdp::v1 {
class CheckRequest;
class Decision;
class RecordedDecision;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// The record of a decision in the logs below `directories`; what is not there
// is passed over.  NotFound, InvalidArgument: with a sentence for whoever asks.
absl::StatusOr<audit::OwnedRecord> FindRecorded(
    const std::vector<std::string>& directories, std::string_view decision_id);

// What was asked, without tenants: the record does not tell those that were
// active from those that decided.  FailedPrecondition, with a sentence: it
// cannot be asked again.
absl::StatusOr<v1::CheckRequest> QuestionOf(const audit::Record& record);

void DescribeRecorded(const audit::Record& record, const v1::Decision& decision,
                      v1::RecordedDecision& recorded);

}  // namespace pdp::service

#endif  // PDP_SERVICE_RECORDED_QUESTION_H_

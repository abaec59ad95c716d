// A decision of the audit log, found and compared.

#ifndef PDP_SERVICE_RECORDED_DECISION_H_
#define PDP_SERVICE_RECORDED_DECISION_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit/log_reader.h"
#include "pdp/audit/record.h"

namespace medplum::pdp::v1 {
class Decision;
class RecordedDecision;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// The record of a decision in the logs below `directories`; what is not there
// is passed over.  NotFound, InvalidArgument: with a sentence for whoever asks.
absl::StatusOr<audit::OwnedRecord> FindRecorded(
    const std::vector<std::string>& directories, std::string_view decision_id);

void DescribeRecorded(const audit::Record& record, const v1::Decision& decision,
                      v1::RecordedDecision& recorded);

}  // namespace pdp::service

#endif  // PDP_SERVICE_RECORDED_DECISION_H_

#include "pdp/service/decide_bytes.h"

#include <climits>

#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::service {

absl::Status Decide(const DecisionService& service, std::string_view request,
                    std::string& response) {
  v1::CheckRequest message;
  if (request.size() > INT_MAX ||
      !message.ParseFromArray(request.data(),
                              static_cast<int>(request.size()))) {
    return absl::InvalidArgumentError("the request is not a CheckRequest");
  }
  v1::CheckResponse answer;
  const CallOutcome outcome = service.Check(CallAttempt(), message, answer);
  if (!outcome.status.ok()) return outcome.status;
  answer.SerializeToString(&response);
  return absl::OkStatus();
}

}  // namespace pdp::service

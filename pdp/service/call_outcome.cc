#include "pdp/service/call_outcome.h"

#include "pdp/base/strings.h"

namespace pdp::service {

CallOutcome FromEngine(const CallAttempt& attempt, policy::Outcome outcome) {
  CallOutcome result = Failed(std::move(outcome.status));
  if (!absl::IsUnavailable(result.status)) return result;
  result.refusal = Refusal::kStale;
  const std::string_view message = ToStd(result.status.message());
  if (!message.starts_with("STALE: ")) {
    result.status = absl::UnavailableError(StrCat("STALE: ", message));
  }
  if (attempt.may_fetch) result.needed = std::move(outcome.needed);
  return result;
}

}  // namespace pdp::service

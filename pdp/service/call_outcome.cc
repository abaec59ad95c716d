#include "pdp/service/call_outcome.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

template <typename T>
void AddEachOnce(const std::vector<T>& added, std::vector<T>& all) {
  for (const T& value : added) {
    if (std::find(all.begin(), all.end(), value) == all.end()) {
      all.push_back(value);
    }
  }
}

}  // namespace

void AddPending(const CallOutcome& item, CallOutcome& all) {
  all.status = item.status;
  if (all.needed_by.empty()) all.needed_by = item.needed_by;
  AddEachOnce(item.needed, all.needed);
  AddEachOnce(item.needs_refresh, all.needs_refresh);
  AddEachOnce(item.needs_tokens, all.needs_tokens);
  all.needs_tokens_anew |= item.needs_tokens_anew;
}

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

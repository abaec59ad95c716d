#include "pdp/service/admin_record.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "pdp/audit/record.h"
#include "pdp/base/status_macros.h"
#include "pdp/service/ledger.h"

namespace pdp::service {
namespace {

constexpr size_t kMaxTarget = 130;  // Two names of FHIR's, and a slash.

bool IsTarget(std::string_view text) {
  return text.size() <= kMaxTarget &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '.' || c == '_' || c == '/';
         });
}

void Add(const CallAttempt& attempt, Method method, std::string_view target,
         std::optional<bool> success) {
  audit::Record record;
  record.kind = audit::RecordKind::kAdmin;
  record.time = absl::Now();
  record.method = MethodName(method);
  record.latency = attempt.Elapsed();
  const CallOrigin& origin = attempt.origin;
  if (origin.caller != nullptr) record.caller = origin.caller->name;
  record.request_id = origin.trace.request_id;
  record.traceparent = origin.trace.traceparent;
  if (IsTarget(target)) record.event = target;
  record.success = success;
  attempt.ledger->Add(record);
}

}  // namespace

absl::Status RecordAdminCall(const CallAttempt& attempt, Method method,
                             std::string_view target, AdminOrder order,
                             const std::function<absl::Status()>& act) {
  Ledger* const ledger = attempt.ledger;
  if (ledger == nullptr) return act();
  if (order == AdminOrder::kRecordFirst) {
    Add(attempt, method, target, std::nullopt);
    PDP_RETURN_IF_ERROR(ledger->Verdict(ledger->Write()));
  }
  absl::Status status = act();
  Add(attempt, method, target, status.ok());
  // It is done: that it could not be recorded is counted and logged.
  ledger->Write().IgnoreError();
  return status;
}

}  // namespace pdp::service

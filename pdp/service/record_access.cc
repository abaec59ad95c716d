#include "pdp/service/record_access.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/audit/record.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/service/ledger.h"
#include "pdp/service/metrics.h"

namespace pdp::service {
namespace {

constexpr const char* kEvents[] = {
    "viewed", "listed",  "searched", "downloaded", "exported", "printed",
    "shared", "created", "updated",  "deleted",    "executed", "withheld"};

bool IsEvent(std::string_view text) {
  return std::find(std::begin(kEvents), std::end(kEvents), text) !=
         std::end(kEvents);
}

// Of a decision that is not remembered nobody knows: it may be another
// server's.
bool MayRecord(const Caller* caller, const std::string& decision_id,
               const Ledger& ledger) {
  return caller == nullptr || caller->May(Permission::kAdmin) ||
         ledger.recent() == nullptr ||
         !ledger.recent()->IsOfAnother(absl::AsciiStrToLower(decision_id),
                                       caller->name);
}

}  // namespace

CallOutcome RecordAccess(const CallAttempt& attempt,
                         const v1::RecordAccessRequest& request) {
  if (attempt.ledger == nullptr) {
    return Failed(absl::FailedPreconditionError(
        "this server keeps no audit log (audit-mode off)"));
  }
  if (!fhir::IsUuid(request.decision_id())) {
    return Failed(absl::InvalidArgumentError(
        "decision_id: is not one; send the decision_id of an answer"));
  }
  if (!IsEvent(request.event())) {
    return Failed(absl::InvalidArgumentError(StrCat(
        "event: is not one; send one of ", absl::StrJoin(kEvents, ", "))));
  }
  const CallOrigin& origin = attempt.origin;
  if (!MayRecord(origin.caller, request.decision_id(), *attempt.ledger)) {
    return Failed(absl::PermissionDeniedError(
        "decision_id: of a decision that another caller was given"));
  }
  audit::Record record;
  record.kind = audit::RecordKind::kAccess;
  record.time = absl::Now();
  record.decision_id = request.decision_id();
  record.method = MethodName(Method::kRecordAccess);
  record.latency = attempt.Elapsed();
  if (origin.caller != nullptr) record.caller = origin.caller->name;
  record.request_id = origin.trace.request_id;
  record.traceparent = origin.trace.traceparent;
  record.event = request.event();
  record.success = request.success();
  attempt.ledger->Add(record);
  return {};
}

}  // namespace pdp::service

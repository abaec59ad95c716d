#include "pdp/service/metrics.h"

namespace pdp::service {
namespace {

size_t DecisionCell(Method method, policy::Effect effect,
                    fhir::Interaction interaction, policy::Reason reason) {
  size_t row = 0;
  while (row + 1 < Metrics::kDecidingMethods.size() &&
         Metrics::kDecidingMethods[row] != method) {
    ++row;
  }
  return ((row * Metrics::kEffects + static_cast<size_t>(effect)) *
              Metrics::kInteractions +
          static_cast<size_t>(interaction)) *
             Metrics::kReasons +
         static_cast<size_t>(reason);
}

size_t FilterCell(policy::FilterKind kind, policy::Reason reason) {
  return static_cast<size_t>(kind) * Metrics::kReasons +
         static_cast<size_t>(reason);
}

}  // namespace

std::string_view MethodName(Method method) {
  switch (method) {
    case Method::kCheck:
      return "Check";
    case Method::kBatchCheck:
      return "BatchCheck";
    case Method::kCheckStream:
      return "CheckStream";
    case Method::kFilter:
      return "Filter";
    case Method::kFilterResources:
      return "FilterResources";
    case Method::kExplain:
      return "Explain";
    case Method::kDescribeAccess:
      return "DescribeAccess";
    case Method::kSimulate:
      return "Simulate";
    case Method::kRecordAccess:
      return "RecordAccess";
    case Method::kWatchRevisions:
      return "WatchRevisions";
    case Method::kGetStatus:
      return "GetStatus";
    case Method::kResync:
      return "Resync";
    case Method::kCheckpoint:
      return "Checkpoint";
    case Method::kBlock:
      return "Block";
    case Method::kUnblock:
      return "Unblock";
    case Method::kLintPolicies:
      return "LintPolicies";
    case Method::kListMemberships:
      return "ListMemberships";
    case Method::kHealthCheck:
      return "HealthCheck";
    case Method::kHealthWatch:
      return "HealthWatch";
    case Method::kReflection:
      return "ServerReflection";
    case Method::kExtAuthz:
      return "ExtAuthz";
    case Method::kForwardAuth:
      return "ForwardAuth";
  }
  return "";
}

std::string_view RejectionName(Rejection rejection) {
  switch (rejection) {
    case Rejection::kTooManyWaiting:
      return "too_many_waiting";
    case Rejection::kNoCredentials:
      return "no_credentials";
    case Rejection::kUnknownCredentials:
      return "unknown_credentials";
    case Rejection::kNoPermission:
      return "no_permission";
    case Rejection::kKeysUnavailable:
      return "keys_unavailable";
    case Rejection::kTooManyCalls:
      return "too_many_calls";
    case Rejection::kTooManyStreams:
      return "too_many_streams";
    case Rejection::kCallerRate:
      return "caller_rate";
    case Rejection::kProjectRate:
      return "project_rate";
    case Rejection::kTooManyConnections:
      return "too_many_connections";
    case Rejection::kDeadlinePassed:
      return "deadline_passed";
    case Rejection::kSlowReader:
      return "slow_reader";
  }
  return "";
}

Metrics::Metrics()
    : decisions_(kDecidingMethods.size() * kEffects * kInteractions * kReasons),
      filters_(kFilterKinds * kReasons),
      rejections_(kRejections),
      refusals_(kRefusals),
      audit_(kAuditFailed + kAuditFailures),
      started_(kMethods),
      ended_(kMethods * kCodes) {}

void Metrics::CountDecision(Method method, policy::Effect effect,
                            fhir::Interaction interaction,
                            policy::Reason reason) {
  decisions_.Add(DecisionCell(method, effect, interaction, reason));
}

void Metrics::CountFilter(policy::FilterKind kind, policy::Reason reason) {
  filters_.Add(FilterCell(kind, reason));
}

void Metrics::CallEnded(Method method, absl::StatusCode code) {
  ended_.Add(Index(method) * kCodes + static_cast<size_t>(code) % kCodes);
}

uint64_t Metrics::decisions(Method method, policy::Effect effect,
                            fhir::Interaction interaction,
                            policy::Reason reason) const {
  return decisions_.Get(DecisionCell(method, effect, interaction, reason));
}

uint64_t Metrics::decisions(policy::Effect effect,
                            fhir::Interaction interaction,
                            policy::Reason reason) const {
  uint64_t all = 0;
  for (const Method method : kDecidingMethods) {
    all += decisions(method, effect, interaction, reason);
  }
  return all;
}

uint64_t Metrics::filters(policy::FilterKind kind,
                          policy::Reason reason) const {
  return filters_.Get(FilterCell(kind, reason));
}

uint64_t Metrics::calls(Method method, absl::StatusCode code) const {
  return ended_.Get(Index(method) * kCodes + static_cast<size_t>(code));
}

int64_t Metrics::in_flight(Method method) const {
  // Ended first: what ends in between must not make the difference negative.
  uint64_t ended = 0;
  for (size_t code = 0; code < kCodes; ++code) {
    ended += ended_.Get(Index(method) * kCodes + code);
  }
  return static_cast<int64_t>(started_.Get(Index(method)) - ended);
}

}  // namespace pdp::service

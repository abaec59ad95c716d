// What the service counts while it works.

#ifndef PDP_SERVICE_METRICS_H_
#define PDP_SERVICE_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/base/cell.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/decision.h"
#include "pdp/service/refusal.h"

namespace pdp::service {

enum class Method : uint8_t {
  kCheck,
  kBatchCheck,
  kCheckStream,
  kFilter,
  kFilterResources,
  kExplain,
  kDescribeAccess,
  kSimulate,
  kRecordAccess,
  kWatchRevisions,
  kGetStatus,
  kResync,
  kCheckpoint,
  kBlock,
  kUnblock,
  kLintPolicies,
  kListMemberships,
  kHealthCheck,
  kHealthWatch,
  kReflection,
  kExtAuthz,
  kForwardAuth,
};
inline constexpr size_t kMethods = 22;
std::string_view MethodName(Method method);  // "BatchCheck".

// Why a call was turned away before it was looked at.
enum class Rejection : uint8_t {
  kTooManyWaiting,
  kNoCredentials,       // The caller did not say who it is,
  kUnknownCredentials,  // or said it in a way that proves nothing here.
  kNoPermission,        // The caller is known and may not call this method.
  kKeysUnavailable,     // Its token is by a key that may be fetched soon.
  kTooManyCalls,
  kTooManyStreams,
  kCallerRate,   // The caller calls more often than it may.
  kProjectRate,  // Members of a project are asked about more often.
  kTooManyConnections,
  kDeadlinePassed,
  kSlowReader,  // A client did not read its answers.
};
inline constexpr size_t kRejections = 12;
std::string_view RejectionName(Rejection rejection);  // "no_credentials".

// Why audit records were not written.
enum class AuditFailure : uint8_t { kNoRoom, kFault };
inline constexpr size_t kAuditFailures = 2;

// Thread-safe, without a lock.
class Metrics {
 public:
  Metrics();

  // `method` is one of kDecidingMethods.
  void CountDecision(Method method, policy::Effect effect,
                     fhir::Interaction interaction, policy::Reason reason);
  void CountFilter(policy::FilterKind kind, policy::Reason reason);
  void CountRejection(Rejection rejection) {
    rejections_.Add(static_cast<size_t>(rejection));
  }
  void CountRefusal(Refusal refusal) {
    refusals_.Add(static_cast<size_t>(refusal));
  }

  void CountAuditRecords(uint64_t records) {
    audit_.Add(kAuditRecords, records);
  }
  // Of records that were made and could not be written.
  void CountAuditDropped(uint64_t records) {
    audit_.Add(kAuditDropped, records);
  }
  void CountAuditFailure(AuditFailure failure) {
    audit_.Add(kAuditFailed + static_cast<size_t>(failure));
  }
  void ObserveAuditWrite(uint64_t nanoseconds) {
    audit_writes_.Observe(nanoseconds);
  }

  void SetConnections(uint64_t open) {
    connections_.store(open, std::memory_order_relaxed);
  }

  void CallStarted(Method method) { started_.Add(Index(method)); }
  void CallEnded(Method method, absl::StatusCode code);
  // From a whole request to its answer.
  void ObserveLatency(Method method, uint64_t nanoseconds) {
    latencies_[Index(method)].Observe(nanoseconds);
  }

  uint64_t decisions(Method method, policy::Effect effect,
                     fhir::Interaction interaction,
                     policy::Reason reason) const;
  // Of all methods.
  uint64_t decisions(policy::Effect effect, fhir::Interaction interaction,
                     policy::Reason reason) const;
  uint64_t filters(policy::FilterKind kind, policy::Reason reason) const;
  uint64_t rejections(Rejection rejection) const {
    return rejections_.Get(static_cast<size_t>(rejection));
  }
  uint64_t refusals(Refusal refusal) const {
    return refusals_.Get(static_cast<size_t>(refusal));
  }
  uint64_t audit_records() const { return audit_.Get(kAuditRecords); }
  uint64_t audit_dropped() const { return audit_.Get(kAuditDropped); }
  uint64_t audit_failures(AuditFailure failure) const {
    return audit_.Get(kAuditFailed + static_cast<size_t>(failure));
  }
  uint64_t connections() const {
    return connections_.load(std::memory_order_relaxed);
  }
  LatencyHistogram::Values audit_writes() const { return audit_writes_.Get(); }
  uint64_t calls(Method method, absl::StatusCode code) const;
  int64_t in_flight(Method method) const;
  LatencyHistogram::Values latency(Method method) const {
    return latencies_[Index(method)].Get();
  }

  // Those that answer with decisions.
  static constexpr std::array kDecidingMethods = {
      Method::kCheck,           Method::kBatchCheck, Method::kCheckStream,
      Method::kFilterResources, Method::kExtAuthz,   Method::kForwardAuth};

  // The numbers of these enums lie below.
  static constexpr size_t kEffects = 4;
  static constexpr size_t kInteractions = 9;
  static constexpr size_t kReasons = 65;
  static constexpr size_t kFilterKinds = 4;
  static constexpr size_t kCodes = 17;

 private:
  // In `audit_`.
  static constexpr size_t kAuditRecords = 0;
  static constexpr size_t kAuditDropped = 1;
  static constexpr size_t kAuditFailed = 2;

  static size_t Index(Method method) { return static_cast<size_t>(method); }

  CounterTable decisions_;
  CounterTable filters_;
  CounterTable rejections_;
  CounterTable refusals_;
  CounterTable audit_;
  LatencyHistogram audit_writes_;
  std::atomic<uint64_t> connections_{0};
  CounterTable started_;
  CounterTable ended_;  // By method and code.
  std::array<LatencyHistogram, kMethods> latencies_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_METRICS_H_

// What the calls of a client share.  Include only where calls are made.

#ifndef PDP_CLIENTS_CPP_CORE_H_
#define PDP_CLIENTS_CPP_CORE_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clients/cpp/call_context.h"
#include "clients/cpp/open_calls.h"
#include "clients/cpp/retry.h"
#include "clients/cpp/timer.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"
#include "medplum_pdp/options.h"

namespace medplum_pdp {

// When a call began, and when it has to end.
class CallTimes {
 public:
  // `timeout` from now, and no longer than an hour.
  explicit CallTimes(absl::Duration timeout);

  absl::Duration passed() const;
  absl::Duration left() const { return timeout_ - passed(); }

 private:
  std::chrono::steady_clock::time_point begin_;
  absl::Duration timeout_;
};

// Thread-safe.
class ClientCore {
 public:
  static absl::StatusOr<std::shared_ptr<ClientCore>> Create(
      const ClientOptions& options);

  const ClientOptions& options() const { return options_; }
  v1::PolicyDecisionPoint::Stub& stub() { return *stub_; }
  RetryBudget& budget() { return budget_; }
  Timer& timer() { return timer_; }
  OpenCalls& calls() { return calls_; }

  // As `options` have it, or by default.
  CallTimes Begin(const CallOptions& options) const;

  // Asks for a token.  Leaves out what is no traceparent or request id that a
  // header can have.
  // InvalidArgument and others, none of them a denial: there is no token.
  absl::StatusOr<CallMetadata> MakeMetadata(const std::string& traceparent,
                                            const std::string& request_id);

  // Tells the hook, and lets nothing out that it throws.
  void Report(const CallReport& report) const noexcept;
  // Of an answer that is a decision, or none.
  void Report(std::string_view method, const Decision& decision,
              absl::Duration latency, bool retried) const noexcept;

 private:
  ClientCore(const ClientOptions& options,
             const std::shared_ptr<grpc::Channel>& channel);

  const ClientOptions options_;
  const std::unique_ptr<v1::PolicyDecisionPoint::Stub> stub_;
  RetryBudget budget_;
  OpenCalls calls_;
  Timer timer_;  // The first to end.
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_CORE_H_

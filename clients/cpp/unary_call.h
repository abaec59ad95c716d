// UnaryCall: one request, one answer, and perhaps a second attempt.  Include
// only where calls are made.

#ifndef PDP_CLIENTS_CPP_UNARY_CALL_H_
#define PDP_CLIENTS_CPP_UNARY_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "clients/cpp/core.h"
#include "clients/cpp/status.h"
#include "pdp/base/mutex.h"

namespace medplum_pdp {

using AsyncStub = v1::PolicyDecisionPoint::StubInterface::async_interface;

enum class Retry { kNever, kOnce };

// How a call ended.
struct CallResult {
  absl::Status status;
  absl::Duration latency;
  bool retried = false;
};

// Keeps itself alive until it has ended.
template <typename Request, typename Response>
class UnaryCall
    : public std::enable_shared_from_this<UnaryCall<Request, Response>> {
 public:
  using Method = void (AsyncStub::*)(grpc::ClientContext*, const Request*,
                                     Response*,
                                     std::function<void(grpc::Status)>);
  // `response` is for whoever is called to take.
  using Done = std::function<void(const CallResult&, Response& response)>;

  // Calls `done` once, perhaps before it returns.
  static void Start(ClientCore& core, Method method, Request request,
                    const CallOptions& options, const CallTimes& times,
                    Retry retry, Done done) {
    const std::shared_ptr<UnaryCall> call(new UnaryCall(
        core, method, std::move(request), times, retry, std::move(done)));
    const auto id = core.calls().Add([call] { call->Cancel(); });
    if (!id) {
      call->done_({.status = Cancelled()}, call->response_);
      return;
    }
    call->id_ = *id;
    absl::StatusOr<CallMetadata> metadata =
        core.MakeMetadata(options.traceparent, options.request_id);
    if (!metadata.ok()) return call->Finish(metadata.status());
    call->metadata_ = *std::move(metadata);
    call->Attempt();
  }

 private:
  UnaryCall(ClientCore& core, Method method, Request request,
            const CallTimes& times, Retry retry, Done done)
      : core_(core),
        method_(method),
        request_(std::move(request)),
        times_(times),
        may_retry_(retry == Retry::kOnce),
        done_(std::move(done)) {}

  static absl::Status Cancelled() {
    return absl::CancelledError("the client was closed");
  }

  void Attempt() {
    auto context = std::make_shared<CallContext>();
    SetMetadata(metadata_, context->get());
    SetDeadline(times_.left(), context->get());
    bool is_cancelled = false;
    {
      pdp::MutexLock lock(mutex_);
      is_cancelled = is_cancelled_;
      context_ = context;
    }
    if (is_cancelled) return Finish(Cancelled());
    (core_.stub().async()->*method_)(
        &context->get(), &request_, &response_,
        [self = this->shared_from_this(), context](const grpc::Status& status) {
          context->Release();
          self->AttemptEnded(
              FromGrpc(status.error_code(), status.error_message()));
        });
  }

  void AttemptEnded(const absl::Status& status) {
    if (status.ok()) core_.budget().Return();
    if (!may_retry_ || !MayRetry(status)) return Finish(status);
    absl::InsecureBitGen random;
    const absl::Duration wait = RetryWait(random);
    if (wait >= times_.left() || !core_.budget().Take()) return Finish(status);
    may_retry_ = false;
    response_.Clear();
    bool is_cancelled = false;
    {
      pdp::MutexLock lock(mutex_);
      is_cancelled = is_cancelled_;
      if (!is_cancelled) {
        retried_ = true;
        retry_ = core_.timer().After(
            wait, [self = this->shared_from_this()] { self->Attempt(); });
      }
    }
    if (is_cancelled) Finish(Cancelled());
  }

  // May come at any time, also after the end.
  void Cancel() {
    Timer::Id retry = 0;
    std::shared_ptr<CallContext> context;
    {
      pdp::MutexLock lock(mutex_);
      is_cancelled_ = true;
      context = context_;
      retry = std::exchange(retry_, 0);
    }
    if (context != nullptr) context->Cancel();
    // What is not called any more has nothing else to end it.
    if (retry != 0 && core_.timer().Cancel(retry)) Finish(Cancelled());
  }

  void Finish(const absl::Status& status) {
    done_({.status = status, .latency = times_.passed(), .retried = retried_},
          response_);
    done_ = nullptr;
    core_.calls().Remove(id_);
  }

  ClientCore& core_;
  const Method method_;
  const Request request_;
  const CallTimes times_;
  // Of the attempt that is made, and so of one thread at a time.
  bool may_retry_;
  bool retried_ = false;
  Done done_;
  CallMetadata metadata_;
  Response response_;
  OpenCalls::Id id_ = 0;

  pdp::Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  Timer::Id retry_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of the last attempt.
  std::shared_ptr<CallContext> context_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_UNARY_CALL_H_

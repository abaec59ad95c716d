// UnaryCall: one request, one answer.  Include only where calls are defined.

#ifndef PDP_SERVICE_UNARY_CALL_H_
#define PDP_SERVICE_UNARY_CALL_H_

#include <google/protobuf/arena.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pdp/service/call_gate.h"
#include "pdp/service/call_queue.h"
#include "pdp/service/call_retry.h"
#include "pdp/service/grpc_services.h"

namespace pdp::service {

// What a method has unless it says otherwise.
struct UnaryMethod {
  // Of the arena that its messages live in; more is allocated as needed.
  static constexpr size_t kBlockBytes = 1024;
  // Calls posted at start, and kept at most.
  static constexpr int kPosted = 1;
  static constexpr int kMaxPosted = 4;
  // True: Answer takes its time, and runs on the worker that WorkerOf names.
  static constexpr bool kOnWorker = false;
  // Of a method that is kOnWorker: whether this request is.
  template <typename Request>
  static bool TakesLong(const Request&) {
    return true;
  }
  // True: an answer is to be recorded before it leaves.
  static constexpr bool kIsRecorded = false;
  // True: it does not leave without, whatever the audit mode.  Not on a worker.
  static constexpr bool kNeedsRecord = false;
  static Worker& WorkerOf(const CallContext& context) { return context.worker; }
  // True: it is given up when whoever called has left, or waits no more.
  static constexpr bool kEndsWithCaller = false;
  // True: `AnswerFailure(const absl::Status&, Response&)` makes an answer of
  // what went wrong, and every call ends with OK.
  static constexpr bool kAnswersFailures = false;
};

// One call of the method M, reused for one request after the other.  Its
// messages live in an arena whose first block it owns: most requests allocate
// no memory for them, and a large one leaves nothing behind.
//
//   posted → answering → held → finishing → posted ...
//               ↕ waiting for facts
//
// Of a method that kEndsWithCaller gRPC tells, in the end of every call, when
// it is done with; only then the call is used again.
//
// M has, besides what is in UnaryMethod: Request, Response; kMethod; `Post`,
// which calls the generated RequestX of its service; and
//   CallOutcome Answer(const CallContext&, const CallAttempt&,
//                      const Request&, Response&)
template <typename M>
class UnaryCall final : public QueueTag, public WaitingCall, public HeldCall {
 public:
  static void PostAll(CallQueue& queue) {
    for (int i = 0; i < M::kPosted; ++i) (new UnaryCall(queue))->Post();
  }

  void Proceed(bool ok) override {
    if (state_ == State::kFinishing) {
      state_ = State::kFinished;
      if (is_done_) Recycle();
      return;
    }
    --posted();
    if (!ok) {  // The server is shut down.
      delete this;
      return;
    }
    ++queue_.calls_in_flight();
    KeepPosted();
    Begin();
  }

  void Resume(const absl::Status& status) override {
    if (state_ == State::kWorking) {
      EndAttempt(status.ok() ? std::move(outcome_) : Failed(status));
      return;
    }
    retry_.Resumed(status);
    if (has_left_) {
      Finish(CallerLeft());
      return;
    }
    if (context_->deadline() <= std::chrono::system_clock::now()) {
      Finish(DeadlinePassed());
      return;
    }
    Attempt();
  }

  void Release(const absl::Status& written) override {
    Finish(M::kNeedsRecord ? written : queue_.Verdict(written));
  }

  std::string peer() const override { return context_->peer(); }

 private:
  using Request = typename M::Request;
  using Response = typename M::Response;
  enum class State : uint8_t {
    kPosted,
    kWorking,
    kWaiting,
    kHeld,
    kFinishing,
    kFinished,
  };

  class Done final : public QueueTag {
   public:
    explicit Done(UnaryCall& call) : call_(call) {}
    void* tag() { return static_cast<QueueTag*>(this); }
    void Proceed(bool /*ok*/) override { call_.OnDone(); }

   private:
    UnaryCall& call_;
  };

  explicit UnaryCall(CallQueue& queue)
      : queue_(queue), arena_(block_.data(), block_.size()) {}

  int& posted() { return queue_.posted(M::kMethod); }

  void Post() {
    ++posted();
    state_ = State::kPosted;
    request_ = google::protobuf::Arena::CreateMessage<Request>(&arena_);
    response_ = google::protobuf::Arena::CreateMessage<Response>(&arena_);
    context_.emplace();
    writer_.emplace(&*context_);
    has_left_ = false;
    is_done_ = !M::kEndsWithCaller;
    if (M::kEndsWithCaller) context_->AsyncNotifyWhenDone(done_.tag());
    M::Post(queue_.context().grpc, &*context_, request_, &*writer_,
            queue_.queue(), static_cast<QueueTag*>(this));
  }

  // The call has ended, by whomever.
  void OnDone() {
    is_done_ = true;
    if (state_ == State::kFinished) {
      Recycle();
      return;
    }
    has_left_ = context_->IsCancelled();
    if (has_left_ && state_ == State::kWaiting) {
      queue_.GiveUp(this, CallerLeft());
    }
  }

  // Another call takes this one's place where few are left.
  void KeepPosted() {
    if (queue_.is_draining() || posted() > M::kPosted / 4) return;
    (new UnaryCall(queue_))->Post();
  }

  void Begin() {
    queue_.context().metrics.CallStarted(M::kMethod);
    CallOrigin origin;
    const absl::Status admitted = Admit(queue_, *context_, M::kMethod, origin);
    if constexpr (M::kEndsWithCaller) {
      retry_.Begin(queue_.context().sources, origin, queue_.ledger(),
                   &has_left_, context_->deadline());
    } else {
      retry_.Begin(queue_.context().sources, origin, queue_.ledger());
    }
    if (!admitted.ok()) {
      Finish(admitted);
      return;
    }
    Attempt();
  }

  void Attempt() {
    bool takes_long = false;
    if constexpr (M::kOnWorker) takes_long = M::TakesLong(*request_);
    if (takes_long) {
      Delegate();
    } else {
      EndAttempt(
          M::Answer(queue_.context(), retry_.Next(), *request_, *response_));
    }
  }

  void EndAttempt(CallOutcome outcome) {
    if (!outcome.pending()) {
      // An error says nothing that would have to be recorded first.
      const bool is_held =
          M::kIsRecorded && state_ != State::kWorking && outcome.status.ok();
      if (is_held) {
        state_ = State::kHeld;
        queue_.CountAnswer();
        queue_.Hold(this);
      } else {
        Finish(outcome.status);
      }
      return;
    }
    if (has_left_) {
      Finish(CallerLeft());
      return;
    }
    response_->Clear();
    state_ = State::kWaiting;
    std::optional<FetchDone> done =
        queue_.PutAside(this, /*may_give_up=*/true, context_->deadline());
    if (!done) {
      Finish(CallRetry::TooManyWaiting());
      return;
    }
    retry_.Gather(queue_.context().sources, std::move(outcome),
                  *std::move(done));
    KeepPosted();
  }

  void Delegate() {
    state_ = State::kWorking;
    // The worker uses the messages: there is no giving up.
    const std::optional<FetchDone> done =
        queue_.PutAside(this, /*may_give_up=*/false);
    if (!done) {
      Finish(CallRetry::TooManyWaiting());
      return;
    }
    KeepPosted();
    const CallAttempt attempt = retry_.Next();
    const bool is_queued =
        M::WorkerOf(queue_.context()).Offer([this, attempt, done = *done] {
          outcome_ = AnswerOnWorker(attempt);
          done(absl::OkStatus());
        });
    if (!is_queued) {
      (*done)(absl::ResourceExhaustedError(
          "too many calls of this kind wait; try again when one has ended"));
    }
  }

  // With a ledger of the worker's own.
  CallOutcome AnswerOnWorker(CallAttempt attempt) {
    absl::Status awaited = attempt.CheckAwaited();
    if (!awaited.ok()) return Failed(std::move(awaited));
    const CallContext& context = queue_.context();
    std::unique_ptr<Ledger> ledger;
    if (M::kIsRecorded) ledger = context.ledgers->Take();
    attempt.ledger = ledger.get();
    CallOutcome outcome = M::Answer(context, attempt, *request_, *response_);
    if (ledger == nullptr) return outcome;
    absl::Status verdict = ledger->Verdict(ledger->Write());
    context.ledgers->Return(std::move(ledger));
    if (outcome.status.ok() && !verdict.ok()) return Failed(std::move(verdict));
    return outcome;
  }

  void Finish(const absl::Status& status) {
    state_ = State::kFinishing;
    if constexpr (M::kAnswersFailures) {
      if (!status.ok()) {
        response_->Clear();
        M::AnswerFailure(status, *response_);
      }
    }
    if (status.ok() || M::kAnswersFailures) {
      writer_->Finish(*response_, grpc::Status::OK,
                      static_cast<QueueTag*>(this));
    } else {
      writer_->FinishWithError(ToGrpc(status), static_cast<QueueTag*>(this));
    }
    queue_.context().metrics.CallEnded(M::kMethod, status.code());
    queue_.context().metrics.ObserveLatency(M::kMethod, retry_.nanoseconds());
  }

  void Recycle() {
    --queue_.calls_in_flight();
    if (queue_.is_draining() || posted() >= M::kMaxPosted) {
      delete this;
      return;
    }
    writer_.reset();
    context_.reset();
    arena_.Reset();
    Post();
  }

  CallQueue& queue_;
  alignas(std::max_align_t) std::array<char, M::kBlockBytes> block_;
  google::protobuf::Arena arena_;
  Request* request_ = nullptr;
  Response* response_ = nullptr;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<Response>> writer_;
  CallRetry retry_;
  CallOutcome outcome_;  // What the worker came to.
  State state_ = State::kPosted;
  Done done_{*this};
  bool is_done_ = false;
  std::atomic<bool> has_left_{false};  // Workers look, too.
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_UNARY_CALL_H_

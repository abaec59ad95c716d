// Check, BatchCheck and Filter.

#include <google/protobuf/arena.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "pdp/service/call_queue.h"
#include "pdp/service/queued_calls.h"

namespace pdp::service {
namespace {

// How often one call may ask for facts.  A decision needs a few rounds at most:
// a membership, its policies, what they name.
constexpr int kMaxRounds = 16;

using Clock = std::chrono::steady_clock;

struct CheckMethod {
  using Request = v1::CheckRequest;
  using Response = v1::CheckResponse;
  static constexpr Method kMethod = Method::kCheck;
  static constexpr size_t kBlockBytes = 3 * 1024;
  static constexpr auto kPost = &PolicyDecisionPointService::RequestCheck;
  static constexpr auto kAnswer = &DecisionService::Check;
  static CallPool& Pool(CallQueue& queue) { return queue.check_pool(); }
};

struct BatchCheckMethod {
  using Request = v1::BatchCheckRequest;
  using Response = v1::BatchCheckResponse;
  static constexpr Method kMethod = Method::kBatchCheck;
  static constexpr size_t kBlockBytes = 16 * 1024;
  static constexpr auto kPost = &PolicyDecisionPointService::RequestBatchCheck;
  static constexpr auto kAnswer = &DecisionService::BatchCheck;
  static CallPool& Pool(CallQueue& queue) { return queue.batch_pool(); }
};

struct FilterMethod {
  using Request = v1::FilterRequest;
  using Response = v1::FilterResponse;
  static constexpr Method kMethod = Method::kFilter;
  static constexpr size_t kBlockBytes = 3 * 1024;
  static constexpr auto kPost = &PolicyDecisionPointService::RequestFilter;
  static constexpr auto kAnswer = &DecisionService::Filter;
  static CallPool& Pool(CallQueue& queue) { return queue.filter_pool(); }
};

// One call, reused for one request after the other.  Its messages live in an
// arena whose first block it owns: most requests allocate no memory for them,
// and a large one leaves nothing behind.
//
//   posted → answering → finishing → posted ...
//               ↕ waiting
template <typename M>
class UnaryCall final : public QueueTag, public WaitingCall {
 public:
  explicit UnaryCall(CallQueue& queue)
      : queue_(queue), arena_(block_.data(), block_.size()) {}

  void Post() {
    ++Pool().posted;
    state_ = State::kPosted;
    attempt_ = {};
    rounds_ = 0;
    request_ =
        google::protobuf::Arena::CreateMessage<typename M::Request>(&arena_);
    response_ =
        google::protobuf::Arena::CreateMessage<typename M::Response>(&arena_);
    context_.emplace();
    writer_.emplace(&*context_);
    (queue_.context().grpc.*M::kPost)(&*context_, request_, &*writer_,
                                      queue_.queue(), queue_.queue(),
                                      static_cast<QueueTag*>(this));
  }

  void Proceed(bool ok) override {
    if (state_ == State::kPosted) {
      --Pool().posted;
      if (!ok) {  // The server is shut down.
        delete this;
        return;
      }
      KeepPosted();
      Begin();
      return;
    }
    Recycle();
  }

  void Resume(const absl::Status& status) override {
    if (!status.ok()) {
      // The answer says what is missing.
      attempt_.may_fetch = false;
      attempt_.may_refresh = false;
    } else if (waits_for_refresh_) {
      attempt_.refreshed = true;
    }
    Answer();
  }

 private:
  enum class State : uint8_t { kPosted, kWaiting, kFinishing };

  CallPool& Pool() { return M::Pool(queue_); }

  // Another call takes this one's place where few are left.
  void KeepPosted() {
    if (queue_.is_draining()) return;
    const CallPool& pool = Pool();
    if (pool.posted < pool.initial / 4) (new UnaryCall(queue_))->Post();
  }

  void Begin() {
    started_ = Clock::now();
    queue_.context().metrics.CallStarted(M::kMethod);
    attempt_.may_fetch = queue_.context().fetcher != nullptr;
    attempt_.may_refresh = queue_.context().refresher != nullptr;
    Answer();
  }

  void Answer() {
    if (++rounds_ > kMaxRounds) {
      attempt_.may_fetch = false;
      attempt_.may_refresh = false;
    }
    response_->Clear();
    const CallOutcome outcome =
        (queue_.context().service.*M::kAnswer)(attempt_, *request_, *response_);
    if (!outcome.pending()) {
      Finish(outcome.status);
      return;
    }
    state_ = State::kWaiting;
    waits_for_refresh_ = outcome.needs_refresh;
    if (!queue_.PutAside(outcome, this)) {
      Finish(absl::ResourceExhaustedError(
          "too many calls wait for facts; try again later"));
      return;
    }
    KeepPosted();
  }

  void Finish(const absl::Status& status) {
    state_ = State::kFinishing;
    if (status.ok()) {
      writer_->Finish(*response_, grpc::Status::OK,
                      static_cast<QueueTag*>(this));
    } else {
      writer_->FinishWithError(ToGrpc(status), static_cast<QueueTag*>(this));
    }
    Metrics& metrics = queue_.context().metrics;
    metrics.CallEnded(M::kMethod, status.code());
    metrics.ObserveLatency(
        M::kMethod, static_cast<uint64_t>(
                        std::chrono::duration_cast<std::chrono::nanoseconds>(
                            Clock::now() - started_)
                            .count()));
  }

  void Recycle() {
    if (queue_.is_draining() || Pool().posted >= Pool().max) {
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
  typename M::Request* request_ = nullptr;
  typename M::Response* response_ = nullptr;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<typename M::Response>> writer_;
  Clock::time_point started_;
  CallAttempt attempt_;
  int rounds_ = 0;
  State state_ = State::kPosted;
  bool waits_for_refresh_ = false;
};

template <typename M>
void PostUnary(CallQueue& queue) {
  for (int i = 0; i < M::Pool(queue).initial; ++i) {
    (new UnaryCall<M>(queue))->Post();
  }
}

}  // namespace

void PostCalls(CallQueue& queue) {
  constexpr int kStreams = 4;

  PostUnary<CheckMethod>(queue);
  PostUnary<BatchCheckMethod>(queue);
  PostUnary<FilterMethod>(queue);
  for (int i = 0; i < kStreams; ++i) PostStream(queue);
}

}  // namespace pdp::service

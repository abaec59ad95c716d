// CheckStream.

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "pdp/service/call_queue.h"
#include "pdp/service/queued_calls.h"

namespace pdp::service {
namespace {

constexpr int kMaxRounds = 16;

// Answers that a slow client may leave unread before no more is read from it.
constexpr size_t kMaxBacklog = 64;

using Clock = std::chrono::steady_clock;

}  // namespace

// One stream.  One request is read, answered, and its answer written or queued
// before the next is read, which keeps the answers in order.
class StreamCall final : public WaitingCall {
 public:
  explicit StreamCall(CallQueue& queue) : queue_(queue), stream_(&context_) {}

  void Post() {
    queue_.context().grpc.RequestCheckStream(
        &context_, &stream_, queue_.queue(), queue_.queue(), Tag(connected_));
  }

  void Drain() { Advance(); }

  void Resume(const absl::Status& status) override {
    is_waiting_ = false;
    if (!status.ok()) {
      attempt_.may_fetch = false;
      attempt_.may_refresh = false;
    } else if (waits_for_refresh_) {
      attempt_.refreshed = true;
    }
    Answer();
    Advance();
  }

 private:
  // An operation of the stream, as the completion queue knows it.
  class Operation final : public QueueTag {
   public:
    using Handler = void (StreamCall::*)(bool ok);
    Operation(StreamCall& call, Handler handler)
        : call_(call), handler_(handler) {}
    void Proceed(bool ok) override { (call_.*handler_)(ok); }

   private:
    StreamCall& call_;
    const Handler handler_;
  };

  static void* Tag(Operation& operation) {
    return static_cast<QueueTag*>(&operation);
  }

  void OnConnected(bool ok) {
    if (!ok) {  // The server is shut down.
      delete this;
      return;
    }
    if (!queue_.is_draining()) PostStream(queue_);
    queue_.streams().insert(this);
    queue_.context().metrics.CallStarted(Method::kCheckStream);
    Advance();
  }

  void OnRead(bool ok) {
    is_reading_ = false;
    if (!ok) {
      is_read_out_ = true;
    } else if (!is_finishing_) {
      started_ = Clock::now();
      rounds_ = 0;
      attempt_ = {.may_fetch = queue_.context().fetcher != nullptr,
                  .may_refresh = queue_.context().refresher != nullptr};
      Answer();
    }
    Advance();
  }

  void OnWritten(bool ok) {
    is_writing_ = false;
    if (!ok) {  // The client is gone.
      is_read_out_ = true;
      backlog_.clear();
    }
    Advance();
  }

  void OnFinished(bool /*ok*/) {
    is_finished_ = true;
    Advance();
  }

  void Answer() {
    if (++rounds_ > kMaxRounds) {
      attempt_.may_fetch = false;
      attempt_.may_refresh = false;
    }
    v1::CheckStreamResponse response;
    const CallOutcome outcome =
        queue_.context().service.CheckStream(attempt_, request_, response);
    if (outcome.pending()) {
      waits_for_refresh_ = outcome.needs_refresh;
      is_waiting_ = queue_.PutAside(outcome, this);
      if (is_waiting_) return;
      response.mutable_error()->set_code(
          static_cast<int>(absl::StatusCode::kResourceExhausted));
      response.mutable_error()->set_message(
          "too many calls wait for facts; try again later");
    }
    queue_.context().metrics.ObserveLatency(
        Method::kCheckStream,
        static_cast<uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() -
                                                                 started_)
                .count()));
    backlog_.push_back(std::move(response));
  }

  // Starts whatever can be started now; the last thing that an event does, as
  // the stream may be gone afterwards.
  void Advance() {
    if (is_finished_) {
      if (!is_reading_ && !is_writing_ && !is_waiting_) End();
      return;
    }
    if (is_finishing_) return;
    if (!is_writing_ && !backlog_.empty()) {
      is_writing_ = true;
      stream_.Write(backlog_.front(), Tag(written_));
      backlog_.pop_front();
    }
    if (is_waiting_) return;
    if (!is_reading_ && !is_read_out_ && !queue_.is_draining() &&
        backlog_.size() < kMaxBacklog) {
      is_reading_ = true;
      stream_.Read(&request_, Tag(read_));
    }
    if (is_writing_ || !backlog_.empty()) return;
    if (is_read_out_) {
      Finish(absl::OkStatus());
    } else if (queue_.is_draining()) {
      Finish(absl::UnavailableError(
          "the server is stopping; open a stream to another and send again "
          "what was not answered"));
    }
  }

  void Finish(const absl::Status& status) {
    is_finishing_ = true;
    queue_.context().metrics.CallEnded(Method::kCheckStream, status.code());
    stream_.Finish(ToGrpc(status), Tag(finished_));
  }

  void End() {
    queue_.streams().erase(this);
    delete this;
  }

  CallQueue& queue_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<v1::CheckStreamResponse, v1::CheckStreamRequest>
      stream_;
  Operation connected_{*this, &StreamCall::OnConnected};
  Operation read_{*this, &StreamCall::OnRead};
  Operation written_{*this, &StreamCall::OnWritten};
  Operation finished_{*this, &StreamCall::OnFinished};

  v1::CheckStreamRequest request_;
  std::deque<v1::CheckStreamResponse> backlog_;
  Clock::time_point started_;
  CallAttempt attempt_;
  int rounds_ = 0;
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool is_waiting_ = false;
  bool waits_for_refresh_ = false;
  bool is_read_out_ = false;  // The client sends no more.
  bool is_finishing_ = false;
  bool is_finished_ = false;
};

void PostStream(CallQueue& queue) { (new StreamCall(queue))->Post(); }

void DrainStream(StreamCall& stream) { stream.Drain(); }

}  // namespace pdp::service

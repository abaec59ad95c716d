// StreamCall: requests and answers over one stream, in the same order.  Include
// only where calls are defined.

#ifndef PDP_SERVICE_STREAM_CALL_H_
#define PDP_SERVICE_STREAM_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <cstddef>
#include <deque>
#include <utility>

#include "pdp/service/call_queue.h"
#include "pdp/service/call_retry.h"
#include "pdp/service/grpc_services.h"

namespace pdp::service {

// An operation of a stream, as the completion queue knows it.
template <typename Call>
class StreamOperation final : public QueueTag {
 public:
  using Handler = void (Call::*)(bool ok);
  StreamOperation(Call& call, Handler handler)
      : call_(call), handler_(handler) {}

  void* tag() { return static_cast<QueueTag*>(this); }
  void Proceed(bool ok) override { (call_.*handler_)(ok); }

 private:
  Call& call_;
  const Handler handler_;
};

inline absl::Status StreamDrained() {
  return absl::UnavailableError(
      "the server is stopping; open a stream to another and send again what "
      "was not answered");
}

// One stream of the method M.  One request is read, answered, and its answer
// written or queued before the next is read, which keeps the answers in order.
//
// M has: Request, Response; kMethod; kPosted; `Post`, which calls the generated
// RequestX of its service; `Open`, whose status, where not OK, ends a stream as
// it begins; and
//   CallOutcome Answer(const CallContext&, const CallAttempt&,
//                      const Request&, Response&)
// whose status is OK unless it is pending, and
//   void SetError(const absl::Status&, Response&)
template <typename M>
class StreamCall final : public WaitingCall, public OpenStream {
 public:
  static void PostAll(CallQueue& queue) {
    for (int i = 0; i < M::kPosted; ++i) (new StreamCall(queue))->Post();
  }

  void Drain() override { Advance(); }

  void Resume(const absl::Status& status) override {
    is_waiting_ = false;
    retry_.Resumed(status);
    Answer();
    Advance();
  }

 private:
  using Request = typename M::Request;
  using Response = typename M::Response;
  using Operation = StreamOperation<StreamCall>;

  // Answers that a slow client may leave unread before no more is read from it.
  static constexpr size_t kMaxBacklog = 64;

  explicit StreamCall(CallQueue& queue) : queue_(queue), stream_(&context_) {}

  void Post() {
    M::Post(queue_.context().grpc, &context_, &stream_, queue_.queue(),
            connected_.tag());
  }

  void OnConnected(bool ok) {
    if (!ok) {  // The server is shut down.
      delete this;
      return;
    }
    if (!queue_.is_draining()) (new StreamCall(queue_))->Post();
    queue_.streams().insert(this);
    queue_.context().metrics.CallStarted(M::kMethod);
    const absl::Status status = M::Open();
    if (status.ok()) {
      Advance();
    } else {
      Finish(status);
    }
  }

  void OnRead(bool ok) {
    is_reading_ = false;
    if (!ok) {
      is_read_out_ = true;
    } else if (!is_finishing_) {
      retry_.Begin(queue_.context());
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
    Response response;
    CallOutcome outcome =
        M::Answer(queue_.context(), retry_.Next(), request_, response);
    if (outcome.pending()) {
      is_waiting_ = retry_.PutAside(queue_, std::move(outcome), this);
      if (is_waiting_) return;
      M::SetError(CallRetry::TooManyWaiting(), response);
    }
    queue_.context().metrics.ObserveLatency(M::kMethod, retry_.nanoseconds());
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
      stream_.Write(backlog_.front(), written_.tag());
      backlog_.pop_front();
    }
    if (is_waiting_) return;
    if (!is_reading_ && !is_read_out_ && !queue_.is_draining() &&
        backlog_.size() < kMaxBacklog) {
      is_reading_ = true;
      stream_.Read(&request_, read_.tag());
    }
    if (is_writing_ || !backlog_.empty()) return;
    if (is_read_out_) {
      Finish(absl::OkStatus());
    } else if (queue_.is_draining()) {
      Finish(StreamDrained());
    }
  }

  void Finish(const absl::Status& status) {
    is_finishing_ = true;
    queue_.context().metrics.CallEnded(M::kMethod, status.code());
    stream_.Finish(ToGrpc(status), finished_.tag());
  }

  void End() {
    queue_.streams().erase(this);
    delete this;
  }

  CallQueue& queue_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<Response, Request> stream_;
  Operation connected_{*this, &StreamCall::OnConnected};
  Operation read_{*this, &StreamCall::OnRead};
  Operation written_{*this, &StreamCall::OnWritten};
  Operation finished_{*this, &StreamCall::OnFinished};

  Request request_;
  std::deque<Response> backlog_;
  CallRetry retry_;
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool is_waiting_ = false;
  bool is_read_out_ = false;  // The client sends no more.
  bool is_finishing_ = false;
  bool is_finished_ = false;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_STREAM_CALL_H_

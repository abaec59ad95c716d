// StreamCall: requests and answers over one stream, in the same order.  Include
// only where calls are defined.

#ifndef PDP_SERVICE_STREAM_CALL_H_
#define PDP_SERVICE_STREAM_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pdp/service/call_gate.h"
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

// One stream of the method M.  A request is read when all before it are
// answered, and the answers written or queued, which keeps them in order.
//
// M has: Request, Response; kMethod; kPosted; kMaxBacklog, the answers that a
// slow client may leave unread before no more are made; `Post`, which calls the
// generated RequestX of its service; kIsRecorded, whether answers are to be
// recorded before they leave; and Session, one of which is made for each
// stream:
//   // Whether each request has its own answer.  Then M has, where answers are
//   // recorded,
//   //   void Withdraw(const absl::Status&, Response&)
//   // which makes an error of an answer with a decision; otherwise the stream
//   // ends where answers cannot be recorded.
//   static constexpr bool kAnswersEach;
//   explicit Session(const CallContext&)
//   // Takes the next request, which is there until Next says that it has no
//   // more of it.
//   absl::Status Take(Request&)
//   // Whether something that was taken waits to be answered.
//   bool has_next() const
//   // Answers it; `has_response`: by a message.
//   CallOutcome Next(const CallAttempt&, Response&, bool& has_response)
//   // Where it waits for facts, and too many calls do: whether `response` says
//   // so, and the stream goes on.
//   bool SetError(const absl::Status&, Response&)
//   // After the client's last request.
//   absl::Status Finish(const CallAttempt&, Response&, bool& has_response)
// A status that is not OK ends the stream, once what was answered before it is
// written.
template <typename M>
class StreamCall final : public WaitingCall,
                         public HeldCall,
                         public OpenStream {
 public:
  static void PostAll(CallQueue& queue) {
    for (int i = 0; i < M::kPosted; ++i) (new StreamCall(queue))->Post();
  }

  void Drain() override { Advance(); }

  void Tick(absl::Time now) override {
    if (!is_writing_ || is_cut_off_ ||
        now - write_began_ < queue_.context().unread_answers) {
      return;
    }
    is_cut_off_ = true;
    CutOff(queue_, context_, M::kMethod, origin_);
  }

  void Resume(const absl::Status& status) override {
    is_waiting_ = false;
    retry_.Resumed(status);
    Advance();
  }

  void Release(const absl::Status& written) override {
    is_held_ = false;
    const absl::Status verdict = queue_.Verdict(written);
    if (!verdict.ok()) Withdraw(verdict);
    recorded_ = backlog_.size();
    Advance();
  }

  std::string peer() const override { return context_.peer(); }

 private:
  using Request = typename M::Request;
  using Response = typename M::Response;
  using Session = typename M::Session;
  using Operation = StreamOperation<StreamCall>;

  explicit StreamCall(CallQueue& queue)
      : queue_(queue), stream_(&context_), session_(queue.context()) {}

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
    absl::Status admitted = Admit(queue_, context_, M::kMethod, origin_);
    if (!admitted.ok()) end_ = std::move(admitted);
    Advance();
  }

  void OnRead(bool ok) {
    is_reading_ = false;
    if (!ok) {
      is_read_out_ = true;
    } else if (!end_) {
      if (absl::Status status = session_.Take(request_); !status.ok()) {
        end_ = std::move(status);
      }
    }
    Advance();
  }

  void OnWritten(bool ok) {
    is_writing_ = false;
    if (!ok) {  // The client is gone.
      end_ = absl::OkStatus();
      backlog_.clear();
      recorded_ = 0;
    }
    Advance();
  }

  void OnFinished(bool /*ok*/) {
    is_finished_ = true;
    Advance();
  }

  // Answers what was taken, as long as the client keeps up.
  void Answer() {
    while (!end_ && !is_waiting_ && session_.has_next() &&
           backlog_.size() < M::kMaxBacklog && !queue_.is_ledger_full()) {
      if (!is_begun_) {
        retry_.Begin(queue_.context().sources, origin_, queue_.ledger());
        if (absl::Status admitted = AdmitMessage(queue_, M::kMethod, origin_);
            !admitted.ok()) {
          end_ = std::move(admitted);
          return;
        }
      }
      is_begun_ = true;
      AnswerNext();
    }
    if (end_ || is_waiting_) return;
    if (session_.has_next()) {
      if (queue_.is_ledger_full()) HoldAnswers();
      return;
    }
    if (is_read_out_) {
      AnswerEnd();
    } else if (queue_.is_draining()) {
      end_ = StreamDrained();
    }
  }

  void AnswerEnd() {
    Response response;
    bool has_response = false;
    retry_.Begin(queue_.context().sources, origin_, queue_.ledger());
    end_ = session_.Finish(retry_.Next(), response, has_response);
    if (has_response) backlog_.push_back(std::move(response));
    HoldAnswers();
  }

  // What was answered leaves when it is recorded.
  void HoldAnswers() {
    if (!M::kIsRecorded) {
      recorded_ = backlog_.size();
      return;
    }
    queue_.CountAnswer();
    if (is_held_) return;
    is_held_ = true;
    queue_.Hold(this);
  }

  // What was answered could not be recorded.
  void Withdraw(const absl::Status& status) {
    const auto first = backlog_.begin() + static_cast<ptrdiff_t>(recorded_);
    if constexpr (!M::kIsRecorded) {
      return;
    } else if constexpr (Session::kAnswersEach) {
      for (auto i = first; i != backlog_.end(); ++i) M::Withdraw(status, *i);
    } else {
      backlog_.erase(first, backlog_.end());
      end_ = status;
    }
  }

  void AnswerNext() {
    Response response;
    bool has_response = false;
    CallOutcome outcome = session_.Next(retry_.Next(), response, has_response);
    if (outcome.pending()) {
      std::optional<FetchDone> done =
          queue_.PutAside(this, /*may_give_up=*/true, context_.deadline());
      is_waiting_ = done.has_value();
      if (is_waiting_) {
        retry_.Gather(queue_.context().sources, std::move(outcome),
                      *std::move(done));
        return;
      }
      outcome = Failed(CallRetry::TooManyWaiting());
      if (session_.SetError(outcome.status, response)) {
        outcome = {};
        has_response = true;
      }
    }
    is_begun_ = false;
    queue_.context().metrics.ObserveLatency(M::kMethod, retry_.nanoseconds());
    if (!outcome.status.ok()) {
      end_ = std::move(outcome.status);
      return;
    }
    if (has_response) backlog_.push_back(std::move(response));
    HoldAnswers();
  }

  // Starts whatever can be started now; the last thing that an event does, as
  // the stream may be gone afterwards.
  void Advance() {
    if (is_finished_) {
      if (!is_reading_ && !is_writing_ && !is_waiting_ && !is_held_) Delete();
      return;
    }
    if (is_finishing_) return;
    Answer();
    if (!is_writing_ && recorded_ > 0) {
      is_writing_ = true;
      write_began_ = absl::Now();
      --recorded_;
      stream_.Write(backlog_.front(), HowToWrite(), written_.tag());
      backlog_.pop_front();
    }
    if (end_) {
      if (!is_writing_ && !is_held_ && backlog_.empty()) Finish(*end_);
      return;
    }
    if (!is_waiting_ && !is_reading_ && !session_.has_next() &&
        backlog_.size() < M::kMaxBacklog) {
      is_reading_ = true;
      stream_.Read(&request_, read_.tag());
    }
  }

  // What has another behind it leaves with that; but the first, with which the
  // headers leave, for which gRPC would wait.
  grpc::WriteOptions HowToWrite() {
    grpc::WriteOptions options;
    if (std::exchange(has_written_, true) && recorded_ > 0) {
      options.set_buffer_hint();
    }
    return options;
  }

  void Finish(const absl::Status& status) {
    is_finishing_ = true;
    queue_.context().metrics.CallEnded(M::kMethod, status.code());
    stream_.Finish(ToGrpc(status), finished_.tag());
  }

  void Delete() {
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

  Session session_;
  Request request_;
  std::deque<Response> backlog_;
  size_t recorded_ = 0;  // So many of them may leave.
  CallRetry retry_;
  CallOrigin origin_;
  // How the stream ends, once the backlog is written.
  std::optional<absl::Status> end_;
  absl::Time write_began_;
  bool is_cut_off_ = false;
  bool is_begun_ = false;  // Answering what is next.
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool has_written_ = false;
  bool is_waiting_ = false;
  bool is_held_ = false;
  bool is_read_out_ = false;  // The client sends no more.
  bool is_finishing_ = false;
  bool is_finished_ = false;
};

// The session of a method that answers each request with one message.  M has,
// besides what StreamCall asks for:
//   CallOutcome Answer(const CallContext&, const CallAttempt&,
//                      const Request&, Response&)
// whose status is OK unless it is pending, and
//   void SetError(const absl::Status&, Response&)
//   void Withdraw(const absl::Status&, Response&), see StreamCall.
template <typename M, typename Request, typename Response>
class AnswerEach {
 public:
  static constexpr bool kAnswersEach = true;

  explicit AnswerEach(const CallContext& context) : context_(context) {}

  absl::Status Take(Request& request) {
    request_ = &request;
    return absl::OkStatus();
  }
  bool has_next() const { return request_ != nullptr; }
  CallOutcome Next(const CallAttempt& attempt, Response& response,
                   bool& has_response) {
    CallOutcome outcome = M::Answer(context_, attempt, *request_, response);
    if (!outcome.pending()) request_ = nullptr;
    has_response = true;
    return outcome;
  }
  bool SetError(const absl::Status& status, Response& response) {
    M::SetError(status, response);
    request_ = nullptr;
    return true;
  }
  absl::Status Finish(const CallAttempt& /*attempt*/, Response& /*response*/,
                      bool& /*has_response*/) {
    return absl::OkStatus();
  }

 private:
  const CallContext& context_;
  const Request* request_ = nullptr;  // Waits to be answered.
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_STREAM_CALL_H_

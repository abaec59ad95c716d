// grpc.health.v1.

#include <algorithm>
#include <optional>
#include <string>

#include "pdp/service/calls.h"
#include "pdp/service/stream_call.h"
#include "pdp/service/unary_call.h"

namespace pdp::service {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

bool IsServed(const CallContext& context, const std::string& service) {
  const auto names = ServiceNames(context.gateway != nullptr);
  return service.empty() ||
         std::find(names.begin(), names.end(), service) != names.end();
}

HealthCheckResponse::ServingStatus Status(const CallContext& context) {
  return context.is_serving ? HealthCheckResponse::SERVING
                            : HealthCheckResponse::NOT_SERVING;
}

struct HealthCheckMethod : UnaryMethod {
  using Request = HealthCheckRequest;
  using Response = HealthCheckResponse;
  static constexpr Method kMethod = Method::kHealthCheck;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.health.RequestCheck(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context, const CallAttempt&,
                            const Request& request, Response& response) {
    CallOutcome outcome;
    if (IsServed(context, request.service())) {
      response.set_status(Status(context));
    } else {
      outcome.status = absl::NotFoundError("no such service here");
    }
    return outcome;
  }
};

// One Watch: an answer at first and at every change, until the client leaves or
// the server drains.
class HealthWatch final : public OpenStream {
 public:
  static void Post(CallQueue& queue) {
    auto* watch = new HealthWatch(queue);
    watch->context_.AsyncNotifyWhenDone(watch->done_.tag());
    queue.context().grpc.health.RequestWatch(
        &watch->context_, &watch->request_, &watch->writer_, queue.queue(),
        queue.queue(), watch->connected_.tag());
  }

  void Drain() override { Advance(); }
  void ServingChanged() override { Advance(); }

 private:
  using Operation = StreamOperation<HealthWatch>;

  explicit HealthWatch(CallQueue& queue) : queue_(queue), writer_(&context_) {}

  void OnConnected(bool ok) {
    if (!ok) {  // The server is shut down.
      delete this;
      return;
    }
    if (!queue_.is_draining()) Post(queue_);
    queue_.streams().insert(this);
    ++queue_.health_watches();
    queue_.context().metrics.CallStarted(Method::kHealthWatch);
    if (queue_.has_too_many_health_watches()) {
      queue_.context().metrics.CountRejection(Rejection::kTooManyStreams);
      Finish(absl::ResourceExhaustedError(
          "too many clients watch the health of this server"));
      return;
    }
    Advance();
  }

  void OnWritten(bool /*ok*/) {
    is_writing_ = false;
    Advance();
  }

  // The call has ended, by whomever.
  void OnDone(bool /*ok*/) {
    is_done_ = true;
    Advance();
  }

  void OnFinished(bool /*ok*/) {
    is_finished_ = true;
    Advance();
  }

  // Starts whatever can be started now; the watch may be gone afterwards.
  void Advance() {
    if (is_writing_) return;
    if (is_finished_) {
      if (!is_done_) return;
      queue_.streams().erase(this);
      --queue_.health_watches();
      delete this;
      return;
    }
    if (is_finishing_) return;
    const HealthCheckResponse::ServingStatus status =
        IsServed(queue_.context(), request_.service())
            ? Status(queue_.context())
            : HealthCheckResponse::SERVICE_UNKNOWN;
    if (!is_done_ && written_status_ != status) {
      is_writing_ = true;
      written_status_ = status;
      HealthCheckResponse response;
      response.set_status(status);
      writer_.Write(response, written_.tag());
      return;
    }
    if (is_done_) {
      Finish(absl::CancelledError("the client left"));
    } else if (queue_.is_draining()) {
      Finish(StreamDrained());
    }
  }

  void Finish(const absl::Status& status) {
    is_finishing_ = true;
    queue_.context().metrics.CallEnded(Method::kHealthWatch, status.code());
    writer_.Finish(ToGrpc(status), finished_.tag());
  }

  CallQueue& queue_;
  grpc::ServerContext context_;
  HealthCheckRequest request_;
  grpc::ServerAsyncWriter<HealthCheckResponse> writer_;
  Operation connected_{*this, &HealthWatch::OnConnected};
  Operation written_{*this, &HealthWatch::OnWritten};
  Operation done_{*this, &HealthWatch::OnDone};
  Operation finished_{*this, &HealthWatch::OnFinished};
  std::optional<HealthCheckResponse::ServingStatus> written_status_;
  bool is_writing_ = false;
  bool is_done_ = false;
  bool is_finishing_ = false;
  bool is_finished_ = false;
};

}  // namespace

void PostHealthCalls(CallQueue& queue) {
  UnaryCall<HealthCheckMethod>::PostAll(queue);
  HealthWatch::Post(queue);
}

}  // namespace pdp::service

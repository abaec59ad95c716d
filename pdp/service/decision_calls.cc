// Check, BatchCheck, CheckStream and Filter.

#include <cstddef>

#include "pdp/service/calls.h"
#include "pdp/service/item_error.h"
#include "pdp/service/stream_call.h"
#include "pdp/service/unary_call.h"

namespace pdp::service {
namespace {

struct CheckMethod : UnaryMethod {
  using Request = v1::CheckRequest;
  using Response = v1::CheckResponse;
  static constexpr Method kMethod = Method::kCheck;
  static constexpr size_t kBlockBytes = 3 * 1024;
  static constexpr int kPosted = 64;
  static constexpr int kMaxPosted = 256;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestCheck(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.Check(attempt, request, response);
  }
};

struct BatchCheckMethod : UnaryMethod {
  using Request = v1::BatchCheckRequest;
  using Response = v1::BatchCheckResponse;
  static constexpr Method kMethod = Method::kBatchCheck;
  static constexpr size_t kBlockBytes = 16 * 1024;
  static constexpr int kPosted = 16;
  static constexpr int kMaxPosted = 32;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestBatchCheck(context, request, writer, queue, queue,
                                     tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.BatchCheck(attempt, request, response);
  }
};

struct FilterMethod : UnaryMethod {
  using Request = v1::FilterRequest;
  using Response = v1::FilterResponse;
  static constexpr Method kMethod = Method::kFilter;
  static constexpr size_t kBlockBytes = 3 * 1024;
  static constexpr int kPosted = 16;
  static constexpr int kMaxPosted = 256;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestFilter(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.Filter(attempt, request, response);
  }
};

struct CheckStreamMethod {
  using Request = v1::CheckStreamRequest;
  using Response = v1::CheckStreamResponse;
  static constexpr Method kMethod = Method::kCheckStream;
  static constexpr int kPosted = 4;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   grpc::ServerAsyncReaderWriter<Response, Request>* stream,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestCheckStream(context, stream, queue, queue, tag);
  }
  static absl::Status Open() { return absl::OkStatus(); }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.CheckStream(attempt, request, response);
  }
  static void SetError(const absl::Status& status, Response& response) {
    SetItemError(status, *response.mutable_error());
  }
};

}  // namespace

void PostDecisionCalls(CallQueue& queue) {
  UnaryCall<CheckMethod>::PostAll(queue);
  UnaryCall<BatchCheckMethod>::PostAll(queue);
  UnaryCall<FilterMethod>::PostAll(queue);
  StreamCall<CheckStreamMethod>::PostAll(queue);
}

}  // namespace pdp::service

// Check, BatchCheck, CheckStream, Filter and FilterResources.

#include <cstddef>

#include "pdp/service/calls.h"
#include "pdp/service/item_error.h"
#include "pdp/service/resource_filter.h"
#include "pdp/service/stream_call.h"
#include "pdp/service/unary_call.h"

namespace pdp::service {
namespace {

struct CheckMethod : UnaryMethod {
  using Request = v1::CheckRequest;
  using Response = v1::CheckResponse;
  static constexpr Method kMethod = Method::kCheck;
  static constexpr bool kIsRecorded = true;
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
  static constexpr bool kIsRecorded = true;
  static constexpr bool kEndsWithCaller = true;
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
  static constexpr bool kIsRecorded = true;
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
  using Session = AnswerEach<CheckStreamMethod, Request, Response>;
  static constexpr Method kMethod = Method::kCheckStream;
  static constexpr bool kIsRecorded = true;
  static constexpr int kPosted = 4;
  static constexpr size_t kMaxBacklog = 64;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   grpc::ServerAsyncReaderWriter<Response, Request>* stream,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestCheckStream(context, stream, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.CheckStream(attempt, request, response);
  }
  static void SetError(const absl::Status& status, Response& response) {
    SetItemError(status, *response.mutable_error());
  }
  static void Withdraw(const absl::Status& status, Response& response) {
    if (response.has_decision()) SetError(status, response);
  }
};

// Those of the resources that are permitted, and a summary.
class FilterResourcesSession {
 public:
  static constexpr bool kAnswersEach = false;

  explicit FilterResourcesSession(const CallContext& context)
      : filter_(context.decisions) {}

  absl::Status Take(v1::FilterResourcesRequest& request) {
    return filter_.Take(request);
  }
  bool has_next() const { return filter_.has_next(); }
  CallOutcome Next(const CallAttempt& attempt,
                   v1::FilterResourcesResponse& response, bool& has_response) {
    return filter_.Next(attempt, response, has_response);
  }
  // What a resource is left out for must be a decision.
  bool SetError(const absl::Status& /*status*/,
                v1::FilterResourcesResponse& /*response*/) {
    return false;
  }
  absl::Status Finish(const CallAttempt& attempt,
                      v1::FilterResourcesResponse& response,
                      bool& has_response) {
    absl::Status status = filter_.Finish(attempt, response);
    has_response = status.ok();
    return status;
  }

 private:
  ResourceFilter filter_;
};

struct FilterResourcesMethod {
  using Request = v1::FilterResourcesRequest;
  using Response = v1::FilterResourcesResponse;
  using Session = FilterResourcesSession;
  static constexpr Method kMethod = Method::kFilterResources;
  static constexpr bool kIsRecorded = true;
  static constexpr int kPosted = 2;
  // Each may be as large as a resource.
  static constexpr size_t kMaxBacklog = 4;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   grpc::ServerAsyncReaderWriter<Response, Request>* stream,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestFilterResources(context, stream, queue, queue, tag);
  }
};

}  // namespace

void PostDecisionCalls(CallQueue& queue) {
  UnaryCall<CheckMethod>::PostAll(queue);
  UnaryCall<BatchCheckMethod>::PostAll(queue);
  UnaryCall<FilterMethod>::PostAll(queue);
  StreamCall<CheckStreamMethod>::PostAll(queue);
  StreamCall<FilterResourcesMethod>::PostAll(queue);
}

}  // namespace pdp::service

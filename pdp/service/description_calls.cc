// DescribeAccess, Explain and Simulate, and what is not built yet:
// RecordAccess.

#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/service/calls.h"
#include "pdp/service/unary_call.h"

namespace pdp::service {
namespace {

absl::Status NotBuilt(std::string_view method, std::string_view instead) {
  return absl::UnimplementedError(
      StrCat(method, " is not available yet; ", instead));
}

struct DescribeAccessMethod : UnaryMethod {
  using Request = v1::DescribeAccessRequest;
  using Response = v1::DescribeAccessResponse;
  static constexpr Method kMethod = Method::kDescribeAccess;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestDescribeAccess(context, request, writer, queue, queue,
                                         tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.DescribeAccess(attempt, request, response);
  }
};

struct ExplainMethod : UnaryMethod {
  using Request = v1::ExplainRequest;
  using Response = v1::ExplainResponse;
  static constexpr Method kMethod = Method::kExplain;
  static constexpr bool kOnWorker = true;
  static bool TakesLong(const Request& request) {
    return IsAboutThePast(request);
  }
  static Worker& WorkerOf(const CallContext& context) {
    return context.thinking_worker;
  }

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestExplain(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.Explain(attempt, request, response);
  }
};

struct SimulateMethod : UnaryMethod {
  using Request = v1::SimulateRequest;
  using Response = v1::SimulateResponse;
  static constexpr Method kMethod = Method::kSimulate;
  static constexpr bool kOnWorker = true;
  static Worker& WorkerOf(const CallContext& context) {
    return context.thinking_worker;
  }

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestSimulate(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return context.decisions.Simulate(attempt, request, response);
  }
};

struct RecordAccessMethod : UnaryMethod {
  using Request = v1::RecordAccessRequest;
  using Response = v1::RecordAccessResponse;
  static constexpr Method kMethod = Method::kRecordAccess;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestRecordAccess(context, request, writer, queue, queue,
                                       tag);
  }
  static CallOutcome Answer(const CallContext&, const CallAttempt&,
                            const Request&, Response&) {
    return Failed(NotBuilt("RecordAccess",
                           "keep the decision_id in the enforcement point's "
                           "own log"));
  }
};

}  // namespace

void PostDescriptionCalls(CallQueue& queue) {
  UnaryCall<DescribeAccessMethod>::PostAll(queue);
  UnaryCall<ExplainMethod>::PostAll(queue);
  UnaryCall<SimulateMethod>::PostAll(queue);
  UnaryCall<RecordAccessMethod>::PostAll(queue);
}

}  // namespace pdp::service

// DescribeAccess, Explain, Simulate and RecordAccess.

#include "pdp/service/calls.h"
#include "pdp/service/record_access.h"
#include "pdp/service/unary_call.h"

namespace pdp::service {
namespace {

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
  static constexpr bool kEndsWithCaller = true;
  static constexpr bool kIsRecorded = true;
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
  static constexpr bool kEndsWithCaller = true;
  static constexpr bool kIsRecorded = true;
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
  static constexpr bool kIsRecorded = true;
  static constexpr bool kNeedsRecord = true;
  static constexpr int kPosted = 4;
  static constexpr int kMaxPosted = 64;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.decisions.RequestRecordAccess(context, request, writer, queue, queue,
                                       tag);
  }
  static CallOutcome Answer(const CallContext&, const CallAttempt& attempt,
                            const Request& request, Response&) {
    return RecordAccess(attempt, request);
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

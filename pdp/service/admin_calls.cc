// PdpAdmin.

#include <utility>

#include "pdp/service/admin_record.h"
#include "pdp/service/calls.h"
#include "pdp/service/unary_call.h"

namespace pdp::service {
namespace {

struct GetStatusMethod : UnaryMethod {
  using Request = v1::GetStatusRequest;
  using Response = v1::GetStatusResponse;
  static constexpr Method kMethod = Method::kGetStatus;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.admin.RequestGetStatus(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context, const CallAttempt&,
                            const Request&, Response& response) {
    context.admin.GetStatus(response);
    return {};
  }
};

struct ResyncMethod : UnaryMethod {
  using Request = v1::ResyncRequest;
  using Response = v1::ResyncResponse;
  static constexpr Method kMethod = Method::kResync;
  static constexpr bool kOnWorker = true;
  static constexpr bool kIsRecorded = true;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.admin.RequestResync(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request&,
                            Response& response) {
    return Failed(
        RecordAdminCall(attempt, kMethod, "", AdminOrder::kRecordFirst,
                        [&] { return context.admin.Resync(response); }));
  }
};

struct CheckpointMethod : UnaryMethod {
  using Request = v1::CheckpointRequest;
  using Response = v1::CheckpointResponse;
  static constexpr Method kMethod = Method::kCheckpoint;
  static constexpr bool kOnWorker = true;
  static constexpr bool kIsRecorded = true;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.admin.RequestCheckpoint(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return Failed(RecordAdminCall(
        attempt, kMethod, request.name(), AdminOrder::kRecordFirst,
        [&] { return context.admin.Checkpoint(request, response); }));
  }
};

struct BlockMethod : UnaryMethod {
  using Request = v1::BlockRequest;
  using Response = v1::BlockResponse;
  static constexpr Method kMethod = Method::kBlock;
  static constexpr bool kOnWorker = true;
  static constexpr bool kIsRecorded = true;
  static Worker& WorkerOf(const CallContext& context) {
    return context.urgent_worker;
  }

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.admin.RequestBlock(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return Failed(RecordAdminCall(
        attempt, kMethod, request.block().target(), AdminOrder::kActFirst,
        [&] { return context.admin.Block(request, response); }));
  }
};

struct UnblockMethod : UnaryMethod {
  using Request = v1::UnblockRequest;
  using Response = v1::UnblockResponse;
  static constexpr Method kMethod = Method::kUnblock;
  static constexpr bool kOnWorker = true;
  static constexpr bool kIsRecorded = true;
  static Worker& WorkerOf(const CallContext& context) {
    return context.urgent_worker;
  }

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.admin.RequestUnblock(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    return Failed(RecordAdminCall(
        attempt, kMethod, request.target(), AdminOrder::kRecordFirst,
        [&] { return context.admin.Unblock(request, response); }));
  }
};

struct LintPoliciesMethod : UnaryMethod {
  using Request = v1::LintPoliciesRequest;
  using Response = v1::LintPoliciesResponse;
  static constexpr Method kMethod = Method::kLintPolicies;
  static constexpr bool kOnWorker = true;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.admin.RequestLintPolicies(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context, const CallAttempt&,
                            const Request& request, Response& response) {
    return Failed(context.admin.LintPolicies(request, response));
  }
};

struct ListMembershipsMethod : UnaryMethod {
  using Request = v1::ListMembershipsRequest;
  using Response = v1::ListMembershipsResponse;
  static constexpr Method kMethod = Method::kListMemberships;
  static constexpr bool kOnWorker = true;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.admin.RequestListMemberships(context, request, writer, queue, queue,
                                      tag);
  }
  static CallOutcome Answer(const CallContext& context, const CallAttempt&,
                            const Request& request, Response& response) {
    return Failed(context.admin.ListMemberships(request, response));
  }
};

}  // namespace

void PostAdminCalls(CallQueue& queue) {
  UnaryCall<GetStatusMethod>::PostAll(queue);
  UnaryCall<ResyncMethod>::PostAll(queue);
  UnaryCall<CheckpointMethod>::PostAll(queue);
  UnaryCall<BlockMethod>::PostAll(queue);
  UnaryCall<UnblockMethod>::PostAll(queue);
  UnaryCall<LintPoliciesMethod>::PostAll(queue);
  UnaryCall<ListMembershipsMethod>::PostAll(queue);
}

}  // namespace pdp::service

// grpc.reflection.v1alpha.

#include "pdp/service/calls.h"
#include "pdp/service/reflection.h"
#include "pdp/service/stream_call.h"

namespace pdp::service {
namespace {

struct ReflectionMethod {
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
  static constexpr Method kMethod = Method::kReflection;
  static constexpr bool kIsRecorded = false;
  using Session = AnswerEach<ReflectionMethod, Request, Response>;
  static constexpr int kPosted = 1;
  static constexpr size_t kMaxBacklog = 64;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   grpc::ServerAsyncReaderWriter<Response, Request>* stream,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.reflection.RequestServerReflectionInfo(context, stream, queue, queue,
                                                tag);
  }
  static CallOutcome Answer(const CallContext& context, const CallAttempt&,
                            const Request& request, Response& response) {
    AnswerReflection(ServiceNames(context.gateway != nullptr), request,
                     response);
    return {};
  }
  static void SetError(const absl::Status&, Response&) {}  // Never waits.
};

}  // namespace

void PostReflectionCalls(CallQueue& queue) {
  StreamCall<ReflectionMethod>::PostAll(queue);
}

}  // namespace pdp::service

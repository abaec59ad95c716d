// envoy.service.auth.v3.Authorization.

#include "pdp/service/calls.h"
#include "pdp/service/ext_authz.h"
#include "pdp/service/gateway.h"
#include "pdp/service/unary_call.h"

namespace pdp::service {
namespace {

struct ExtAuthzMethod : UnaryMethod {
  using Request = ext_authz::CheckRequest;
  using Response = ext_authz::CheckResponse;
  static constexpr Method kMethod = Method::kExtAuthz;
  static constexpr bool kIsRecorded = true;
  // A proxy may be told to let pass what ends with an error.
  static constexpr bool kAnswersFailures = true;
  static constexpr size_t kBlockBytes = 8 * 1024;
  static constexpr int kPosted = 16;
  static constexpr int kMaxPosted = 256;

  static void Post(GrpcServices& grpc, grpc::ServerContext* context,
                   Request* request,
                   grpc::ServerAsyncResponseWriter<Response>* writer,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    grpc.ext_authz.RequestCheck(context, request, writer, queue, queue, tag);
  }
  static CallOutcome Answer(const CallContext& context,
                            const CallAttempt& attempt, const Request& request,
                            Response& response) {
    gateway::HttpRequest http;
    absl::Status status = ReadExtAuthz(request, http);
    if (!status.ok()) return Failed(std::move(status));
    GatewayAnswer answer;
    CallOutcome outcome =
        context.gateway->Decide(kMethod, attempt, http, answer);
    if (!outcome.pending() && outcome.status.ok()) {
      WriteExtAuthz(answer, outcome.status, response);
    }
    return outcome;
  }
  static void AnswerFailure(const absl::Status& status, Response& response) {
    WriteExtAuthz(Gateway::Failure(status), status, response);
  }
};

}  // namespace

void PostGatewayCalls(CallQueue& queue) {
  UnaryCall<ExtAuthzMethod>::PostAll(queue);
}

}  // namespace pdp::service

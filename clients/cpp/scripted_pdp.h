// A decision point for tests, on a real socket, that answers as it is told.

#ifndef PDP_CLIENTS_CPP_SCRIPTED_PDP_H_
#define PDP_CLIENTS_CPP_SCRIPTED_PDP_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "medplum/pdp/v1/decision.grpc.pb.h"
#include "medplum_pdp/client.h"

namespace medplum_pdp {

// What permits, without obligations.
inline v1::Decision Permit() {
  v1::Decision decision;
  decision.set_effect(v1::EFFECT_PERMIT);
  decision.set_reason(v1::REASON_PERMITTED);
  decision.set_enforcement_http_status(200);
  decision.set_decision_id("d-1");
  return decision;
}

inline v1::Decision Denial(uint32_t http_status = 403) {
  v1::Decision decision;
  decision.set_effect(v1::EFFECT_DENY);
  decision.set_reason(v1::REASON_RESOURCE_NOT_GRANTED);
  decision.set_enforcement_http_status(http_status);
  decision.set_decision_id("d-2");
  return decision;
}

// Does not return until the call is cancelled or past its deadline.
inline grpc::Status Hang(grpc::ServerContext* context) {
  while (!context->IsCancelled()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return {grpc::StatusCode::CANCELLED, "the caller is gone"};
}

// The answer to each method; UNIMPLEMENTED where there is none.
struct PdpScript {
  template <typename Request, typename Response>
  using Method = std::function<grpc::Status(grpc::ServerContext*,
                                            const Request&, Response&)>;
  template <typename Request, typename Response>
  using Stream = std::function<grpc::Status(
      grpc::ServerContext*, grpc::ServerReaderWriter<Response, Request>*)>;

  Method<v1::CheckRequest, v1::CheckResponse> check;
  Method<v1::BatchCheckRequest, v1::BatchCheckResponse> batch_check;
  Method<v1::FilterRequest, v1::FilterResponse> filter;
  Method<v1::RecordAccessRequest, v1::RecordAccessResponse> record_access;
  Stream<v1::CheckStreamRequest, v1::CheckStreamResponse> check_stream;
  Stream<v1::FilterResourcesRequest, v1::FilterResourcesResponse>
      filter_resources;
  std::function<grpc::Status(grpc::ServerContext*,
                             const v1::WatchRevisionsRequest&,
                             grpc::ServerWriter<v1::WatchRevisionsResponse>*)>
      watch_revisions;
};

class ScriptedPdp final : public v1::PolicyDecisionPoint::Service {
 public:
  explicit ScriptedPdp(PdpScript script,
                       const std::shared_ptr<grpc::ServerCredentials>&
                           credentials = grpc::InsecureServerCredentials())
      : script_(std::move(script)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedPdp() override { Kill(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Of a client that may well be slow: tests wait for what happens.
  ClientOptions client_options() const {
    return {
        .target = address(), .plaintext = true, .timeout = absl::Seconds(30)};
  }
  std::unique_ptr<Client> NewClient() const {
    return *Client::Create(client_options());
  }

  // Of all methods.
  int calls() const { return calls_; }

  // Breaks every connection and call.
  void Kill() { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status Check(grpc::ServerContext* context, const v1::CheckRequest* in,
                     v1::CheckResponse* out) override {
    return Run(script_.check, context, *in, *out);
  }
  grpc::Status BatchCheck(grpc::ServerContext* context,
                          const v1::BatchCheckRequest* in,
                          v1::BatchCheckResponse* out) override {
    return Run(script_.batch_check, context, *in, *out);
  }
  grpc::Status Filter(grpc::ServerContext* context, const v1::FilterRequest* in,
                      v1::FilterResponse* out) override {
    return Run(script_.filter, context, *in, *out);
  }
  grpc::Status RecordAccess(grpc::ServerContext* context,
                            const v1::RecordAccessRequest* in,
                            v1::RecordAccessResponse* out) override {
    return Run(script_.record_access, context, *in, *out);
  }
  grpc::Status CheckStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::CheckStreamResponse, v1::CheckStreamRequest>*
          stream) override {
    return Run(script_.check_stream, context, stream);
  }
  grpc::Status FilterResources(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::FilterResourcesResponse,
                               v1::FilterResourcesRequest>* stream) override {
    return Run(script_.filter_resources, context, stream);
  }
  grpc::Status WatchRevisions(
      grpc::ServerContext* context, const v1::WatchRevisionsRequest* in,
      grpc::ServerWriter<v1::WatchRevisionsResponse>* out) override {
    return Run(script_.watch_revisions, context, *in, out);
  }

 private:
  template <typename Function, typename... Arguments>
  grpc::Status Run(const Function& function, Arguments&&... arguments) {
    ++calls_;
    if (!function) return {grpc::StatusCode::UNIMPLEMENTED, "not scripted"};
    return function(std::forward<Arguments>(arguments)...);
  }

  const PdpScript script_;
  int port_ = 0;
  std::atomic<int> calls_{0};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_SCRIPTED_PDP_H_

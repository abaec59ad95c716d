#include "clients/pdpctl/rpc_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "clients/cpp/call_context.h"
#include "clients/cpp/channel.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = ::medplum::pdp::v1;

// Calls in flight in CheckAll.
constexpr size_t kInFlight = 16;

absl::Status FromGrpc(const grpc::Status& status, const std::string& target) {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::Status(
          code, StrCat("the server at ", target,
                       " does not have this method: ", status.error_message()));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::Status(code,
                          StrCat("the server at ", target,
                                 " did not answer in time (see --timeout)"));
    case grpc::StatusCode::UNAVAILABLE:
      return absl::Status(code,
                          StrCat("the server at ", target,
                                 " is not available: ", status.error_message(),
                                 " (is pdpd running there? see --target)"));
    default:
      return absl::Status(code, StrCat(target, ": ", status.error_message()));
  }
}

// `connection` as the C++ client has it.
medplum_pdp::ClientOptions OptionsOf(const Connection& connection) {
  medplum_pdp::ClientOptions options;
  options.target = connection.target;
  options.tls.ca_file = connection.tls_ca;
  options.tls.cert_file = connection.tls_cert;
  options.tls.key_file = connection.tls_key;
  options.plaintext = connection.tls_ca.empty() && connection.tls_cert.empty();
  if (!connection.token.empty()) {
    options.token = medplum_pdp::TokenFile(connection.token);
  }
  return options;
}

}  // namespace

struct RpcClient::Stubs {
  std::unique_ptr<v1::PolicyDecisionPoint::Stub> decision;
  std::unique_ptr<v1::PdpAdmin::Stub> admin;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

RpcClient::RpcClient(const Connection& connection)
    : connection_(connection), stubs_(std::make_unique<Stubs>()) {
  const medplum_pdp::ClientOptions options = OptionsOf(connection);
  const auto channel = medplum_pdp::MakeChannel(options);
  const auto token = medplum_pdp::AskForToken(options.token);
  credentials_ = channel.status();
  credentials_.Update(token.status());
  if (!credentials_.ok()) return;
  token_ = *token;
  stubs_->decision = v1::PolicyDecisionPoint::NewStub(*channel);
  stubs_->admin = v1::PdpAdmin::NewStub(*channel);
  stubs_->health = grpc::health::v1::Health::NewStub(*channel);
}

RpcClient::~RpcClient() = default;

void RpcClient::Prepare(grpc::ClientContext& context) const {
  medplum_pdp::SetMetadata({.token = token_}, context);
}

template <typename Request, typename Response, typename Method>
absl::StatusOr<Response> RpcClient::Call(const Request& request,
                                         Method method) const {
  if (!credentials_.ok()) return credentials_;
  grpc::ClientContext context;
  Prepare(context);
  medplum_pdp::SetDeadline(absl::Seconds(connection_.timeout_seconds), context);
  Response response;
  const absl::Status status =
      FromGrpc(method(&context, request, &response), connection_.target);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::CheckResponse> RpcClient::Check(
    const v1::CheckRequest& request) const {
  return Call<v1::CheckRequest, v1::CheckResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->decision->Check(context, in, out);
      });
}

std::vector<absl::StatusOr<v1::CheckResponse>> RpcClient::CheckAll(
    std::span<const v1::CheckRequest> requests) const {
  std::vector<absl::StatusOr<v1::CheckResponse>> responses(
      requests.size(), absl::UnknownError("not asked"));
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kInFlight, requests.size()); ++i) {
    threads.emplace_back([&] {
      for (size_t index = next++; index < requests.size(); index = next++) {
        responses[index] = Check(requests[index]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return responses;
}

absl::StatusOr<v1::ExplainResponse> RpcClient::Explain(
    const v1::ExplainRequest& request) const {
  return Call<v1::ExplainRequest, v1::ExplainResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->decision->Explain(context, in, out);
      });
}

absl::StatusOr<v1::FilterResponse> RpcClient::Filter(
    const v1::FilterRequest& request) const {
  return Call<v1::FilterRequest, v1::FilterResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->decision->Filter(context, in, out);
      });
}

absl::StatusOr<v1::DescribeAccessResponse> RpcClient::DescribeAccess(
    const v1::DescribeAccessRequest& request) const {
  return Call<v1::DescribeAccessRequest, v1::DescribeAccessResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->decision->DescribeAccess(context, in, out);
      });
}

absl::StatusOr<v1::SimulateResponse> RpcClient::Simulate(
    const v1::SimulateRequest& request) const {
  return Call<v1::SimulateRequest, v1::SimulateResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->decision->Simulate(context, in, out);
      });
}

absl::Status RpcClient::FilterResources(
    std::span<const v1::FilterResourcesRequest> messages,
    const std::function<void(const v1::FilterResourcesResponse&)>& next) const {
  if (!credentials_.ok()) return credentials_;
  grpc::ClientContext context;
  Prepare(context);
  medplum_pdp::SetDeadline(absl::Seconds(connection_.timeout_seconds), context);
  const auto stream = stubs_->decision->FilterResources(&context);
  // The server does not read on while its answers are not read.
  std::thread writer([&] {
    for (const v1::FilterResourcesRequest& message : messages) {
      if (!stream->Write(message)) return;
    }
    stream->WritesDone();
  });
  v1::FilterResourcesResponse response;
  while (stream->Read(&response)) next(response);
  writer.join();
  return FromGrpc(stream->Finish(), connection_.target);
}

absl::StatusOr<v1::GetStatusResponse> RpcClient::GetStatus() const {
  return Call<v1::GetStatusRequest, v1::GetStatusResponse>(
      v1::GetStatusRequest(), [this](auto* context, const auto& in, auto* out) {
        return stubs_->admin->GetStatus(context, in, out);
      });
}

absl::StatusOr<grpc::health::v1::HealthCheckResponse> RpcClient::Health()
    const {
  using grpc::health::v1::HealthCheckRequest;
  using grpc::health::v1::HealthCheckResponse;
  return Call<HealthCheckRequest, HealthCheckResponse>(
      HealthCheckRequest(), [this](auto* context, const auto& in, auto* out) {
        return stubs_->health->Check(context, in, out);
      });
}

absl::StatusOr<v1::BlockResponse> RpcClient::Block(
    const v1::BlockRequest& request) const {
  return Call<v1::BlockRequest, v1::BlockResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->admin->Block(context, in, out);
      });
}

absl::StatusOr<v1::UnblockResponse> RpcClient::Unblock(
    const v1::UnblockRequest& request) const {
  return Call<v1::UnblockRequest, v1::UnblockResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->admin->Unblock(context, in, out);
      });
}

absl::StatusOr<v1::LintPoliciesResponse> RpcClient::LintPolicies(
    const v1::LintPoliciesRequest& request) const {
  return Call<v1::LintPoliciesRequest, v1::LintPoliciesResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->admin->LintPolicies(context, in, out);
      });
}

absl::StatusOr<v1::ListMembershipsResponse> RpcClient::ListMemberships(
    const v1::ListMembershipsRequest& request) const {
  return Call<v1::ListMembershipsRequest, v1::ListMembershipsResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->admin->ListMemberships(context, in, out);
      });
}

absl::StatusOr<v1::ResyncResponse> RpcClient::Resync() const {
  return Call<v1::ResyncRequest, v1::ResyncResponse>(
      v1::ResyncRequest(), [this](auto* context, const auto& in, auto* out) {
        return stubs_->admin->Resync(context, in, out);
      });
}

absl::StatusOr<v1::CheckpointResponse> RpcClient::Checkpoint(
    const std::string& name) const {
  v1::CheckpointRequest request;
  request.set_name(name);
  return Call<v1::CheckpointRequest, v1::CheckpointResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->admin->Checkpoint(context, in, out);
      });
}

absl::StatusOr<v1::RecordAccessResponse> RpcClient::RecordAccess(
    const v1::RecordAccessRequest& request) const {
  return Call<v1::RecordAccessRequest, v1::RecordAccessResponse>(
      request, [this](auto* context, const auto& in, auto* out) {
        return stubs_->decision->RecordAccess(context, in, out);
      });
}

absl::Status RpcClient::WatchRevisions(
    const v1::WatchRevisionsRequest& request,
    const std::function<bool(const v1::WatchRevisionsResponse&)>& next) const {
  if (!credentials_.ok()) return credentials_;
  grpc::ClientContext context;
  Prepare(context);
  const auto stream = stubs_->decision->WatchRevisions(&context, request);
  v1::WatchRevisionsResponse response;
  while (stream->Read(&response)) {
    if (next(response)) continue;
    context.TryCancel();
    stream->Finish();
    return absl::OkStatus();
  }
  return FromGrpc(stream->Finish(), connection_.target);
}

}  // namespace pdp::ctl

// Calls to a running server.

#ifndef PDP_CLIENTS_PDPCTL_RPC_CLIENT_H_
#define PDP_CLIENTS_PDPCTL_RPC_CLIENT_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/pdpctl/command_line.h"
#include "grpc/health/v1/health.pb.h"
#include "medplum/pdp/v1/admin.pb.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace grpc {
class ClientContext;
}

namespace pdp::ctl {

// Thread-safe.  The message of an error names the server, and what to do.
class RpcClient {
 public:
  explicit RpcClient(const Connection& connection);
  ~RpcClient();
  RpcClient(const RpcClient&) = delete;
  RpcClient& operator=(const RpcClient&) = delete;

  absl::StatusOr<::medplum::pdp::v1::CheckResponse> Check(
      const ::medplum::pdp::v1::CheckRequest& request) const;
  // Many at once.
  std::vector<absl::StatusOr<::medplum::pdp::v1::CheckResponse>> CheckAll(
      std::span<const ::medplum::pdp::v1::CheckRequest> requests) const;
  absl::StatusOr<::medplum::pdp::v1::ExplainResponse> Explain(
      const ::medplum::pdp::v1::ExplainRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::FilterResponse> Filter(
      const ::medplum::pdp::v1::FilterRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::DescribeAccessResponse> DescribeAccess(
      const ::medplum::pdp::v1::DescribeAccessRequest& request) const;
  // Sends `messages`, and hands each answer to `next`.
  absl::Status FilterResources(
      std::span<const ::medplum::pdp::v1::FilterResourcesRequest> messages,
      const std::function<void(
          const ::medplum::pdp::v1::FilterResourcesResponse&)>& next) const;
  absl::StatusOr<::medplum::pdp::v1::SimulateResponse> Simulate(
      const ::medplum::pdp::v1::SimulateRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::RecordAccessResponse> RecordAccess(
      const ::medplum::pdp::v1::RecordAccessRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::GetStatusResponse> GetStatus() const;
  // Of the server as a whole.
  absl::StatusOr<grpc::health::v1::HealthCheckResponse> Health() const;
  absl::StatusOr<::medplum::pdp::v1::BlockResponse> Block(
      const ::medplum::pdp::v1::BlockRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::UnblockResponse> Unblock(
      const ::medplum::pdp::v1::UnblockRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::LintPoliciesResponse> LintPolicies(
      const ::medplum::pdp::v1::LintPoliciesRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::ListMembershipsResponse> ListMemberships(
      const ::medplum::pdp::v1::ListMembershipsRequest& request) const;
  absl::StatusOr<::medplum::pdp::v1::ResyncResponse> Resync() const;
  absl::StatusOr<::medplum::pdp::v1::CheckpointResponse> Checkpoint(
      const std::string& name) const;

  // Hands each message to `next`, however long that takes, until it returns
  // false; OK then, otherwise why the server ended the stream.
  absl::Status WatchRevisions(
      const ::medplum::pdp::v1::WatchRevisionsRequest& request,
      const std::function<
          bool(const ::medplum::pdp::v1::WatchRevisionsResponse&)>& next) const;

 private:
  struct Stubs;

  // What a call shows of who makes it.
  void Prepare(grpc::ClientContext& context) const;

  template <typename Request, typename Response, typename Method>
  absl::StatusOr<Response> Call(const Request& request, Method method) const;

  const Connection connection_;
  absl::Status credentials_;  // Whether those of `connection_` can be used.
  std::string token_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RPC_CLIENT_H_

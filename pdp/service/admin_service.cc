#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"
#include "pdp/service/slow_methods.h"
#include "pdp/service/timestamp.h"
#include "pdp/service/version.h"

namespace pdp::service {
namespace {

static_assert(static_cast<int>(policy::Mode::kParity) == v1::MODE_PARITY);
static_assert(static_cast<int>(policy::Mode::kStrict) == v1::MODE_STRICT);
static_assert(static_cast<int>(policy::ParameterSemantics::kDocumented) ==
              v1::PARAMETER_SEMANTICS_DOCUMENTED);
static_assert(static_cast<int>(policy::ParameterSemantics::kServer) ==
              v1::PARAMETER_SEMANTICS_SERVER);

void ConvertSource(const SourceStatus& source, v1::SourceStatus& message) {
  message.set_name(source.name);
  message.set_ready(source.ready);
  if (source.fresh_as_of > absl::UnixEpoch()) {
    WriteTimestamp(source.fresh_as_of, *message.mutable_fresh_as_of());
  }
  if (!source.last_error.empty()) {
    message.set_last_error(source.last_error);
    WriteTimestamp(source.last_error_at, *message.mutable_last_error_at());
  }
  message.set_resources(source.resources);
}

absl::Status CheckCheckpointName(std::string_view name) {
  const bool fine =
      !name.empty() && name.size() <= 64 &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
               c == '_';
      });
  if (fine) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "name: send 1 to 64 letters, digits, `-` or `_`");
}

}  // namespace

grpc::ServerUnaryReactor* AdminGrpcService::GetStatus(
    grpc::CallbackServerContext* context, const v1::GetStatusRequest*,
    v1::GetStatusResponse* response) {
  metrics_.CallStarted(Method::kGetStatus);
  const policy::DecisionPointOptions& options = decision_point_.options();
  response->set_version(kVersion);
  response->set_medplum_version(kMedplumVersion);
  response->set_mode(static_cast<v1::Mode>(options.mode));
  response->set_parameter_semantics(
      static_cast<v1::ParameterSemantics>(options.parameter_semantics));
  response->set_ready(data_.IsReady());
  response->set_revision(decision_point_.revision());
  WriteTimestamp(started_at_, *response->mutable_started_at());
  for (const SourceStatus& source : backend_.Sources()) {
    ConvertSource(source, *response->add_sources());
  }
  const StoreStatus store = backend_.Store();
  response->mutable_store()->set_format_version(store.format_version);
  response->mutable_store()->set_bytes_on_disk(store.bytes_on_disk);
  response->mutable_store()->set_memberships(store.memberships);
  response->mutable_store()->set_policies(store.policies);

  metrics_.CallEnded(Method::kGetStatus, absl::StatusCode::kOk);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* AdminGrpcService::Resync(
    grpc::CallbackServerContext* context, const v1::ResyncRequest*,
    v1::ResyncResponse* response) {
  return Run(context, Method::kResync, [this, response] {
    const absl::StatusOr<ResyncResult> result = backend_.Resync();
    if (!result.ok()) return result.status();
    response->set_revision(result->revision);
    response->set_changed(result->changed);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminGrpcService::Checkpoint(
    grpc::CallbackServerContext* context, const v1::CheckpointRequest* request,
    v1::CheckpointResponse* response) {
  return Run(context, Method::kCheckpoint, [this, request, response] {
    absl::Status status = CheckCheckpointName(request->name());
    if (!status.ok()) return status;
    const absl::StatusOr<CheckpointResult> result =
        backend_.Checkpoint(request->name());
    if (!result.ok()) return result.status();
    response->set_path(result->path);
    response->set_revision(result->revision);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminGrpcService::LintPolicies(
    grpc::CallbackServerContext* context, const v1::LintPoliciesRequest*,
    v1::LintPoliciesResponse*) {
  return Run(context, Method::kLintPolicies, [] {
    return absl::UnimplementedError(
        "LintPolicies is not available yet; a Check under a policy that cannot "
        "be used says why, reason POLICY_INVALID");
  });
}

grpc::ServerUnaryReactor* AdminGrpcService::Run(
    grpc::CallbackServerContext* context, Method method,
    std::function<absl::Status()> task) {
  metrics_.CallStarted(method);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto end = [this, method, reactor](const absl::Status& status) {
    metrics_.CallEnded(method, status.code());
    reactor->Finish(ToGrpc(status));
  };
  const bool queued =
      worker_.Offer([end, task = std::move(task)] { end(task()); });
  if (!queued) {
    end(absl::ResourceExhaustedError(
        "too many administrative calls wait; try again when one has ended"));
  }
  return reactor;
}

}  // namespace pdp::service

#include "pdp/service/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/time/clock.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/call_queue.h"
#include "pdp/service/slow_methods.h"

namespace pdp::service {
namespace {

constexpr const char* kServiceNames[] = {"medplum.pdp.v1.PolicyDecisionPoint",
                                         "medplum.pdp.v1.PdpAdmin"};

// What gRPC has to say becomes a line of our log.
void LogFromGrpc(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  Log(Severity::kError, "grpc", {{"message", args->message}});
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, const Served& served)
      : addresses_(options.listen),
        decisions_(served.service, served.metrics, served.fetcher,
                   served.refresher),
        admin_(served.decision_point, served.data, served.admin,
               served.metrics) {}

  absl::Status Start(const ServerOptions& options, const Served& served);

  const std::vector<ListenAddress>& addresses() const { return addresses_; }

  void SetServing(bool serving) {
    grpc::HealthCheckServiceInterface* health =
        server_->GetHealthCheckService();
    health->SetServingStatus(serving);
    for (const char* name : kServiceNames) {
      health->SetServingStatus(name, serving);
    }
  }

  void Drain(absl::Time deadline) {
    if (server_ == nullptr || is_drained_) return;
    is_drained_ = true;
    server_->GetHealthCheckService()->Shutdown();
    for (const auto& queue : queues_) queue->BeginDrain(deadline);
    server_->Shutdown(absl::ToChronoTime(deadline));
    for (const auto& queue : queues_) queue->Stop();
    for (const ListenAddress& address : addresses_) {
      if (address.kind == ListenAddress::Kind::kUnix) {
        unlink(address.path.c_str());
      }
    }
  }

 private:
  void Configure(const ServerOptions& options, grpc::ServerBuilder& builder);

  std::vector<ListenAddress> addresses_;
  DecisionGrpcService decisions_;
  AdminGrpcService admin_;
  std::vector<std::unique_ptr<CallQueue>> queues_;
  std::unique_ptr<grpc::Server> server_;
  bool is_drained_ = false;
};

void Server::Impl::Configure(const ServerOptions& options,
                             grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  // A second server on the same port is a mistake, not a second listener.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A compressed message is as large as its sender likes once it is unpacked.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.RegisterService(&decisions_);
  builder.RegisterService(&admin_);
}

absl::Status Server::Impl::Start(const ServerOptions& options,
                                 const Served& served) {
  gpr_set_log_function(LogFromGrpc);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  Configure(options, builder);

  std::vector<int> ports(addresses_.size(), 0);
  for (size_t i = 0; i < addresses_.size(); ++i) {
    if (addresses_[i].kind == ListenAddress::Kind::kUnix) {
      PDP_RETURN_IF_ERROR(ClearStaleSocket(addresses_[i].path));
    }
    builder.AddListeningPort(addresses_[i].ToString(),
                             grpc::InsecureServerCredentials(), &ports[i]);
  }
  for (size_t i = 0; i < options.threads; ++i) {
    queues_.push_back(std::make_unique<CallQueue>(
        CallQueueContext{.grpc = decisions_,
                         .service = served.service,
                         .metrics = served.metrics,
                         .fetcher = served.fetcher,
                         .refresher = served.refresher},
        builder.AddCompletionQueue()));
  }
  server_ = builder.BuildAndStart();
  for (size_t i = 0; i < addresses_.size(); ++i) {
    if (server_ == nullptr || ports[i] == 0) {
      return absl::FailedPreconditionError(
          StrCat("cannot listen on ", addresses_[i].ToString(),
                 "; is another process using it?"));
    }
    if (addresses_[i].kind == ListenAddress::Kind::kTcp) {
      addresses_[i].port = static_cast<uint16_t>(ports[i]);
    } else if (chmod(addresses_[i].path.c_str(), options.socket_mode) != 0) {
      return absl::FailedPreconditionError(
          StrCat("cannot set the permissions of ", addresses_[i].path, ": ",
                 std::strerror(errno)));
    }
  }
  SetServing(false);
  for (const auto& queue : queues_) queue->Start();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, const Served& served) {
  auto impl = std::make_unique<Impl>(options, served);
  PDP_RETURN_IF_ERROR(impl->Start(options, served));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Drain(absl::Now()); }

const std::vector<ListenAddress>& Server::addresses() const {
  return impl_->addresses();
}

void Server::SetServing(bool serving) { impl_->SetServing(serving); }

void Server::Drain(absl::Time deadline) { impl_->Drain(deadline); }

}  // namespace pdp::service

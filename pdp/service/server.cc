#include "pdp/service/server.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "pdp/base/log.h"
#include "pdp/base/log_limiter.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/call_queue.h"
#include "pdp/service/connection_acceptor.h"
#include "pdp/service/grpc_services.h"
#include "pdp/service/listening_socket.h"
#include "pdp/service/shared_packets.h"
#include "pdp/service/tls_credentials.h"
#include "pdp/service/worker.h"

namespace pdp::service {
namespace {

// Calls that take their time and have not been begun.
constexpr size_t kMaxQueuedWork = 8;

// Room for a token.
constexpr int kMaxMetadataBytes = 32 << 10;
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);
constexpr absl::Duration kKeepaliveInterval = absl::Minutes(1);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);
constexpr absl::Duration kLeastPingInterval = absl::Seconds(10);
constexpr absl::Duration kConnectionGrace = absl::Minutes(5);
constexpr absl::Duration kDepartureLook = absl::Milliseconds(10);

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// The part of one of `threads` in what all of them have.
int64_t OfOne(uint32_t all, size_t threads) {
  const auto count = static_cast<int64_t>(threads);
  return (static_cast<int64_t>(all) + count - 1) / count;
}

// Whether gRPC ends the process after it has said so.
bool IsLastWord(std::string_view message) {
  const std::string lower = absl::AsciiStrToLower(ToAbsl(message));
  return absl::StrContains(lower, "assertion failed");
}

// What gRPC has to say becomes a line of our log.  It has something to say
// about every malformed request, so most of it is left out.
void LogFromGrpc(gpr_log_func_args* args) {
  static LogLimiter limiter(/*per_second=*/5);
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  std::optional<uint64_t> left_out = limiter.Allow(absl::Now());
  if (IsLastWord(args->message)) left_out = left_out.value_or(0);
  if (!left_out) return;
  Log(Severity::kError, "grpc",
      {{"message", args->message}, {"lines_left_out", *left_out}});
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, const Metrics& metrics)
      : addresses_(options.listen),
        departure_(options.departure),
        metrics_(metrics) {}

  absl::Status Start(const ServerOptions& options, const Served& served);

  const std::vector<ListenAddress>& addresses() const { return addresses_; }

  void SetServing(bool serving) {
    is_serving_ = serving;
    for (const auto& queue : queues_) queue->ServingChanged();
  }

  void Drain(absl::Time deadline) {
    if (server_ == nullptr || is_drained_) return;
    is_drained_ = true;
    SetServing(false);
    AwaitDeparture(std::min(deadline, absl::Now() + departure_));
    connections_.reset();  // No more come in.
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
  absl::Status Listen(const ServerOptions& options,
                      grpc::ServerBuilder& builder,
                      std::vector<ConnectionAcceptor::Listener>& listeners);

  // Until nobody watches health any more, or `limit`.
  void AwaitDeparture(absl::Time limit) const {
    while (metrics_.in_flight(Method::kHealthWatch) > 0 && absl::Now() < limit)
      absl::SleepFor(kDepartureLook);
  }

  std::vector<ListenAddress> addresses_;
  const absl::Duration departure_;
  const Metrics& metrics_;
  std::atomic<bool> is_serving_{false};
  GrpcServices services_;
  PeerSockets sockets_;
  std::unique_ptr<LedgerPool> ledgers_;
  Worker worker_{kMaxQueuedWork};
  Worker urgent_worker_{kMaxQueuedWork};
  Worker thinking_worker_{kMaxQueuedWork};
  std::vector<std::unique_ptr<CallQueue>> queues_;
  // gRPC asks them for certificates as long as it serves, and keeps no
  // reference.
  std::vector<std::shared_ptr<grpc::ServerCredentials>> credentials_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> connections_;
  bool is_drained_ = false;
};

void Server::Impl::Configure(const ServerOptions& options,
                             grpc::ServerBuilder& builder) {
  const ServerLimits& limits = options.limits;
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.message_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(limits.streams_per_connection));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             Milliseconds(kHandshakeTimeout));
  // A client that is gone is noticed, one that pings too often is sent away.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             Milliseconds(kKeepaliveInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             Milliseconds(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      Milliseconds(kLeastPingInterval));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  if (limits.connection_age != absl::InfiniteDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               Milliseconds(limits.connection_age));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                               Milliseconds(kConnectionGrace));
  }
  grpc::ResourceQuota quota("pdp");
  quota.Resize(limits.buffer_bytes);
  builder.SetResourceQuota(quota);
  // A compressed message is as large as its sender likes once it is unpacked.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.RegisterService(&services_.decisions);
  builder.RegisterService(&services_.admin);
  builder.RegisterService(&services_.health);
  if (options.reflection) builder.RegisterService(&services_.reflection);
}

// Listens on every address, each to be served by gRPC once it is started.
absl::Status Server::Impl::Listen(
    const ServerOptions& options, grpc::ServerBuilder& builder,
    std::vector<ConnectionAcceptor::Listener>& listeners) {
  using External =
      grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;
  for (ListenAddress& address : addresses_) {
    const bool is_unix = address.kind == ListenAddress::Kind::kUnix;
    if (is_unix) PDP_RETURN_IF_ERROR(ClearStaleSocket(address.path));
    PDP_ASSIGN_OR_RETURN(OwnedFd socket, ListenOn(address, kKeepaliveTimeout));
    if (is_unix && chmod(address.path.c_str(), options.socket_mode) != 0) {
      return absl::FailedPreconditionError(
          StrCat("cannot set the permissions of ", address.path, ": ",
                 std::strerror(errno)));
    }
    credentials_.push_back(
        options.tls != nullptr && !is_unix
            ? MakeTlsCredentials(*options.tls, options.client_certificates)
            : grpc::InsecureServerCredentials());
    const std::shared_ptr<Acceptor> acceptor =
        builder.experimental().AddExternalConnectionAcceptor(
            External::FROM_FD, credentials_.back());
    listeners.push_back(
        {.socket = std::move(socket), .serve = [this, acceptor](int fd) {
           sockets_.Add(fd);
           Acceptor::NewConnectionParameters connection;
           connection.fd = fd;
           acceptor->HandleNewConnection(&connection);
         }});
  }
  return absl::OkStatus();
}

absl::Status Server::Impl::Start(const ServerOptions& options,
                                 const Served& served) {
  gpr_set_log_function(LogFromGrpc);
  // Its own would bring threads that poll our sockets (call_queue.h).
  grpc::EnableDefaultHealthCheckService(false);
  grpc::ServerBuilder builder;
  Configure(options, builder);
  if (served.gateway != nullptr) builder.RegisterService(&services_.ext_authz);

  std::vector<ConnectionAcceptor::Listener> listeners;
  PDP_RETURN_IF_ERROR(Listen(options, builder, listeners));
  ledgers_ = std::make_unique<LedgerPool>(served.audit, served.metrics);
  for (size_t i = 0; i < options.threads; ++i) {
    queues_.push_back(std::make_unique<CallQueue>(
        CallContext{.grpc = services_,
                    .callers = served.callers,
                    .decisions = served.decisions,
                    .admin = served.admin,
                    .metrics = served.metrics,
                    .worker = worker_,
                    .urgent_worker = urgent_worker_,
                    .thinking_worker = thinking_worker_,
                    .is_serving = is_serving_,
                    .serves_reflection = options.reflection,
                    .max_calls_in_flight =
                        OfOne(options.limits.calls_in_flight, options.threads),
                    .max_open_streams = static_cast<size_t>(
                        OfOne(options.limits.open_streams, options.threads)),
                    // All of them are in one queue.
                    .max_health_watches =
                        static_cast<size_t>(options.limits.connections),
                    .unread_answers = options.limits.unread_answers,
                    .sources = {.fetcher = served.fetcher,
                                .refresher = served.refresher,
                                .tokens = served.tokens},
                    .watchers = served.watchers,
                    .gateway = served.gateway,
                    .audit = served.audit,
                    .ledgers = ledgers_.get(),
                    .sockets = &sockets_},
        i == 0 ? CallQueue::Serves::kEverything : CallQueue::Serves::kDecisions,
        builder.AddCompletionQueue()));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return absl::FailedPreconditionError("gRPC cannot serve");
  }
  for (const auto& queue : queues_) queue->Start();
  connections_ = std::make_unique<ConnectionAcceptor>(
      std::move(listeners),
      ConnectionLimits{
          .all = RoomForConnections(options.limits.connections),
          .of_one_address = options.limits.connections_per_address},
      [&metrics = served.metrics] {
        metrics.CountRejection(Rejection::kTooManyConnections);
      },
      [&metrics = served.metrics](size_t open) {
        metrics.SetConnections(open);
      });
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, const Served& served) {
  auto impl = std::make_unique<Impl>(options, served.metrics);
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

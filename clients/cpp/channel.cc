#include "clients/cpp/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/str_split.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace medplum_pdp {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;
constexpr absl::Duration kKeepaliveInterval = absl::Seconds(30);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);
// Between attempts to connect to a server that is away.
constexpr absl::Duration kFirstReconnect = absl::Milliseconds(100);
constexpr absl::Duration kLastReconnect = absl::Seconds(5);

// Between look-ups of a name, each when a server has gone.
constexpr absl::Duration kBetweenResolutions = absl::Seconds(1);

// A server that is starting or stopping is passed over.
constexpr char kServiceConfig[] =
    R"({"healthCheckConfig":)"
    R"({"serviceName":"medplum.pdp.v1.PolicyDecisionPoint"}})";

constexpr std::string_view kUnix = "unix:";

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// Reads the file, where one is named, into `content`.
absl::Status ReadPem(const std::string& path, std::string& content) {
  if (path.empty()) return absl::OkStatus();
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(pdp::StrCat("`", path, "` cannot be read"));
  }
  content = std::move(text).str();
  return absl::OkStatus();
}

absl::Status CheckTransport(const ClientOptions& options) {
  const TlsOptions& tls = options.tls;
  if (options.target.empty()) {
    return absl::InvalidArgumentError("`target` is empty");
  }
  const bool has_tls = !tls.ca_file.empty() || !tls.cert_file.empty() ||
                       !tls.key_file.empty() || !tls.server_name.empty();
  const bool is_unix = options.target.starts_with(kUnix);
  if (has_tls && (options.plaintext || is_unix)) {
    return absl::InvalidArgumentError(
        "`tls` is set, and the target is reached without it: `plaintext` or "
        "`unix:`");
  }
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError(
        "`cert_file` and `key_file` go together: one is empty");
  }
  if (options.token && options.plaintext && !IsLocal(options.target)) {
    return absl::InvalidArgumentError(
        "the token would leave this host in the clear: use TLS");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const ClientOptions& options) {
  if (options.plaintext || options.target.starts_with(kUnix)) {
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions ssl;
  PDP_RETURN_IF_ERROR(ReadPem(options.tls.ca_file, ssl.pem_root_certs));
  PDP_RETURN_IF_ERROR(ReadPem(options.tls.cert_file, ssl.pem_cert_chain));
  PDP_RETURN_IF_ERROR(ReadPem(options.tls.key_file, ssl.pem_private_key));
  return grpc::SslCredentials(ssl);
}

// `address` with a port or without.
bool IsLoopback(std::string_view address) {
  for (const std::string_view host : {"localhost", "[::1]", "::1"}) {
    if (address == host || address.starts_with(pdp::StrCat(host, ":"))) {
      return true;
    }
  }
  // No name that only begins so, such as `127.example.com`.
  return address.starts_with("127.") &&
         address.find_first_not_of("0123456789.:") == std::string_view::npos;
}

}  // namespace

bool IsLocal(std::string_view target) {
  if (target.starts_with(kUnix)) return true;
  for (const std::string_view scheme : {"dns:///", "dns:", "ipv4:", "ipv6:"}) {
    if (target.starts_with(scheme)) {
      target.remove_prefix(scheme.size());
      break;
    }
  }
  const std::vector<std::string> addresses =
      absl::StrSplit(pdp::ToAbsl(target), ',');
  return std::all_of(addresses.begin(), addresses.end(), IsLoopback);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const ClientOptions& options) {
  PDP_RETURN_IF_ERROR(CheckTransport(options));
  PDP_ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options));
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS,
                   Milliseconds(kKeepaliveInterval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                   Milliseconds(kKeepaliveTimeout));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   Milliseconds(kFirstReconnect));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   Milliseconds(kLastReconnect));
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS,
                   Milliseconds(kBetweenResolutions));
  if (!options.tls.server_name.empty()) {
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, options.tls.server_name);
  }
  return grpc::CreateCustomChannel(options.target, credentials, arguments);
}

}  // namespace medplum_pdp

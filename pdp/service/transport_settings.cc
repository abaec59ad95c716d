#include "pdp/service/transport_settings.h"

#include <string_view>

#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

namespace config = ::medplum::pdp::config::v1;

absl::Status Wrong(std::string_view key, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(key, ": ", message));
}

// `value` is set from `number` where it is given.
template <typename Number>
absl::Status ReadCount(std::string_view key, bool given, Number number,
                       Number least, Number most, Number& value) {
  if (!given) return absl::OkStatus();
  value = number;
  if (value >= least && value <= most) return absl::OkStatus();
  return Wrong(StrCat("limits.", key),
               StrCat("must be from ", least, " to ", most));
}

absl::Status ReadTime(std::string_view key, bool given,
                      const google::protobuf::Duration& duration,
                      absl::Duration least, absl::Duration most,
                      absl::Duration& value) {
  if (!given) return absl::OkStatus();
  value = ReadDuration(duration);
  if (value >= least && value <= most) return absl::OkStatus();
  return Wrong(StrCat("limits.", key),
               StrCat("must be from ", absl::FormatDuration(least), " to ",
                      absl::FormatDuration(most)));
}

}  // namespace

absl::StatusOr<std::optional<TlsSettings>> ReadTls(
    const config::Config& config) {
  const config::Tls& from = config.tls();
  const bool names_files = !from.certificate_file().empty() ||
                           !from.private_key_file().empty() ||
                           !from.client_ca_file().empty();
  if (from.allow_plaintext() && names_files) {
    return Wrong("tls.allow-plaintext",
                 "goes with no file; TCP addresses are served by TLS or in "
                 "plain text");
  }
  if (!config.has_tls() || from.allow_plaintext()) return std::nullopt;
  if (from.certificate_file().empty()) {
    return Wrong("tls.certificate-file",
                 "missing; write the file of the server's certificate (PEM)");
  }
  if (from.private_key_file().empty()) {
    return Wrong("tls.private-key-file",
                 "missing; write the file of its private key (PEM)");
  }
  TlsSettings to;
  to.paths = {.certificate_file = from.certificate_file(),
              .private_key_file = from.private_key_file(),
              .client_ca_file = from.client_ca_file()};
  const bool has_ca = !from.client_ca_file().empty();
  if (from.require_client_certificate() && !has_ca) {
    return Wrong("tls.require-client-certificate",
                 "needs client-ca-file, which says whose are believed");
  }
  if (has_ca) {
    const bool optional = from.has_require_client_certificate() &&
                          !from.require_client_certificate();
    to.clients = optional ? ClientCertificates::kOptional
                          : ClientCertificates::kRequired;
  }
  return to;
}

absl::StatusOr<ServerLimits> ReadLimits(const config::Config& config) {
  const config::Limits& from = config.limits();
  ServerLimits to;
  if (!config.tls().client_ca_file().empty()) {
    to.connection_age = absl::Hours(1);
  }
  PDP_RETURN_IF_ERROR(ReadCount("message-bytes", from.has_message_bytes(),
                                from.message_bytes(), 65'536u, 67'108'864u,
                                to.message_bytes));
  PDP_RETURN_IF_ERROR(ReadCount("batch-items", from.has_batch_items(),
                                from.batch_items(), 1u, 10'000u,
                                to.batch_items));
  PDP_RETURN_IF_ERROR(ReadCount(
      "streams-per-connection", from.has_streams_per_connection(),
      from.streams_per_connection(), 1u, 100'000u, to.streams_per_connection));
  PDP_RETURN_IF_ERROR(ReadCount("calls-in-flight", from.has_calls_in_flight(),
                                from.calls_in_flight(), 1u, 1'000'000u,
                                to.calls_in_flight));
  PDP_RETURN_IF_ERROR(ReadCount("open-streams", from.has_open_streams(),
                                from.open_streams(), 1u, 1'000'000u,
                                to.open_streams));
  PDP_RETURN_IF_ERROR(ReadCount("buffer-bytes", from.has_buffer_bytes(),
                                from.buffer_bytes(), uint64_t{16} << 20,
                                uint64_t{64} << 30, to.buffer_bytes));
  PDP_RETURN_IF_ERROR(ReadCount("caller-calls-per-second",
                                from.has_caller_calls_per_second(),
                                from.caller_calls_per_second(), 0u, 10'000'000u,
                                to.caller_calls_per_second));
  PDP_RETURN_IF_ERROR(ReadCount("project-questions-per-second",
                                from.has_project_questions_per_second(),
                                from.project_questions_per_second(), 0u,
                                10'000'000u, to.project_questions_per_second));
  PDP_RETURN_IF_ERROR(ReadCount("connections", from.has_connections(),
                                from.connections(), 1u, 1'000'000u,
                                to.connections));
  PDP_RETURN_IF_ERROR(ReadCount("connections-per-address",
                                from.has_connections_per_address(),
                                from.connections_per_address(), 0u, 1'000'000u,
                                to.connections_per_address));
  PDP_RETURN_IF_ERROR(ReadTime("connection-age", from.has_connection_age(),
                               from.connection_age(), absl::Minutes(1),
                               absl::Hours(24), to.connection_age));
  PDP_RETURN_IF_ERROR(ReadTime("unread-answers", from.has_unread_answers(),
                               from.unread_answers(), absl::Seconds(1),
                               absl::Hours(1), to.unread_answers));
  return to;
}

}  // namespace pdp::service

// TlsSettings and ServerLimits: the parts of the configuration that say how the
// server is reached, and what it takes at most.

#ifndef PDP_SERVICE_TRANSPORT_SETTINGS_H_
#define PDP_SERVICE_TRANSPORT_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/auth/tls_files.h"

namespace medplum::pdp::config::v1 {
class Config;
}

namespace pdp::service {

// What clients are asked for.
enum class ClientCertificates : uint8_t { kNone, kOptional, kRequired };

struct TlsSettings {
  auth::TlsPaths paths;
  ClientCertificates clients = ClientCertificates::kNone;
};

// As Limits in config.proto.
struct ServerLimits {
  uint32_t message_bytes = 4 << 20;
  uint32_t batch_items = 1'000;
  uint32_t streams_per_connection = 1'000;
  uint32_t calls_in_flight = 10'000;
  uint32_t open_streams = 1'000;
  uint64_t buffer_bytes = uint64_t{512} << 20;
  uint32_t caller_calls_per_second = 0;       // 0: no limit.
  uint32_t project_questions_per_second = 0;  // 0: no limit.
  uint32_t connections = 10'000;
  uint32_t connections_per_address = 0;  // 0: no limit.
  absl::Duration connection_age = absl::InfiniteDuration();
  absl::Duration unread_answers = absl::Seconds(30);
};

// Nothing where the server is to serve in plain text.  InvalidArgument,
// "tls.certificate-file: ...", where the section cannot be used.
absl::StatusOr<std::optional<TlsSettings>> ReadTls(
    const ::medplum::pdp::config::v1::Config& config);

// InvalidArgument, "limits.message-bytes: ...".
absl::StatusOr<ServerLimits> ReadLimits(
    const ::medplum::pdp::config::v1::Config& config);

}  // namespace pdp::service

#endif  // PDP_SERVICE_TRANSPORT_SETTINGS_H_

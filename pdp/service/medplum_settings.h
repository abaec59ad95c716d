// MedplumSettings: the part of the configuration that says which Medplum server
// the data comes from, and how it is kept in step with it.

#ifndef PDP_SERVICE_MEDPLUM_SETTINGS_H_
#define PDP_SERVICE_MEDPLUM_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/service/listen_address.h"

namespace medplum::pdp::config::v1 {
class Config;
}

namespace pdp::service {

enum class Notifications : uint8_t { kWebSocket, kRestHook, kNone };

// As MedplumLogin in config.proto.  Files exist and can be read.
struct MedplumLogin {
  std::string project;  // An id; empty for `all`.
  std::string client_id;
  // One of the two is there.
  std::string client_secret_file;
  std::string private_key_file;
  std::string key_id;  // With `private_key_file`.

  bool all_projects() const { return project.empty(); }
};

struct RestHookSettings {
  std::string endpoint;  // As ParseBaseUrl returns it.
  ListenAddress listen;
  std::string secret_file;
};

struct SweepSettings {
  absl::Duration interval = absl::Seconds(15);
  absl::Duration full_interval = absl::Minutes(5);
  absl::Duration overlap = absl::Seconds(30);
  uint32_t max_searches_per_second = 20;
};

struct AccessTokenSettings {
  std::string issuer;
  absl::Duration cache = absl::Seconds(60);
  absl::Duration key_refetch_interval = absl::Seconds(30);
  uint32_t max_cached = 10'000;
};

struct AttributeSettings {
  uint64_t max_bytes = uint64_t{64} << 20;
  uint32_t max_reads_per_second = 50;
  std::vector<std::string> subscribed_types;
};

struct MedplumSettings {
  std::string base_url;  // As ParseBaseUrl returns it.
  std::string ca_file;   // Empty: the system's certificates.
  std::vector<MedplumLogin> logins;
  absl::Duration request_timeout = absl::Seconds(10);
  Notifications notifications = Notifications::kWebSocket;
  // With Notifications::kRestHook, and only then.
  std::optional<RestHookSettings> rest_hook;
  SweepSettings sweep;
  AccessTokenSettings access_tokens;
  AttributeSettings attributes;
};

// The settings that `config` makes, where `stale_after` and `max_staleness` are
// the bounds on the age of the data.  InvalidArgument, "medplum.base-url: ...",
// where they cannot be used.
absl::StatusOr<MedplumSettings> ReadMedplumSettings(
    const ::medplum::pdp::config::v1::Config& config,
    absl::Duration stale_after, absl::Duration max_staleness);

}  // namespace pdp::service

#endif  // PDP_SERVICE_MEDPLUM_SETTINGS_H_

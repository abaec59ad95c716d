// Settings: the whole configuration of the server, checked.

#ifndef PDP_SERVICE_SETTINGS_H_
#define PDP_SERVICE_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/session_rules.h"
#include "pdp/service/audit_mode.h"
#include "pdp/service/audit_settings.h"
#include "pdp/service/caller_settings.h"
#include "pdp/service/gateway_settings.h"
#include "pdp/service/listen_address.h"
#include "pdp/service/medplum_settings.h"
#include "pdp/service/transport_settings.h"

namespace pdp::service {

// What config.proto says, field by field, with its defaults filled in.
struct Settings {
  std::string source;  // As configured, for status and logs.
  // What follows `directory:`; empty with a Medplum source.
  std::string source_directory;
  // With `source: medplum`, and only then.
  std::optional<MedplumSettings> medplum;
  std::string data_dir;
  std::string bootstrap_from;  // Empty: nothing.
  std::vector<ListenAddress> listen;
  std::optional<ListenAddress> http_listen;
  policy::Mode mode = policy::Mode::kStrict;
  policy::ParameterSemantics parameter_semantics =
      policy::ParameterSemantics::kDocumented;
  AuditMode audit_mode = AuditMode::kRequired;
  bool shadow = false;
  absl::Duration max_staleness = absl::Minutes(5);
  absl::Duration stale_after = absl::Seconds(30);
  absl::Duration decision_reuse = absl::Seconds(10);
  absl::Duration drain_timeout = absl::Seconds(20);
  size_t threads = 1;
  size_t max_bound_policies = 10'000;
  uint32_t socket_mode = 0600;
  std::vector<std::string> tenant_parameters;  // Empty: the default ones.
  policy::ConfiguredSessionRules session_rules;
  AuditSettings audit;
  std::vector<CallerSettings> callers;  // At least one.
  std::optional<TlsSettings> tls;
  ServerLimits limits;
  bool reflection = false;
  GatewaySettings gateway;
  absl::Duration history_retention = absl::Hours(24 * 2192);
};

// What the command line says: the configuration file, if any, and flags by
// their names without hyphens in front, in their order.
struct ConfigInputs {
  std::optional<std::string> config_file;
  std::vector<std::pair<std::string, std::string>> flags;
};

// InvalidArgument for what cannot be used: the message names the flag, or the
// file with line and column, and says what to write instead.
absl::StatusOr<Settings> LoadSettings(const ConfigInputs& inputs);

}  // namespace pdp::service

#endif  // PDP_SERVICE_SETTINGS_H_

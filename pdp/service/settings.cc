#include "pdp/service/settings.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/config_fields.h"
#include "pdp/service/timestamp.h"
#include "pdp/service/yaml_config.h"

namespace pdp::service {
namespace {

namespace config = ::medplum::pdp::config::v1;

constexpr std::string_view kDirectoryPrefix = "directory:";
constexpr std::string_view kMedplumSource = "medplum";
constexpr absl::Duration kMaxDecisionReuse = absl::Minutes(5);
constexpr uint32_t kMaxThreads = 256;

absl::Status Wrong(std::string_view key, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(key, ": ", message));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return Wrong("config", StrCat("cannot read `", path, "`"));
  }
  return text.str();
}

absl::Status ApplyFlags(
    const std::vector<std::pair<std::string, std::string>>& flags,
    config::Config& config) {
  StringSet cleared;
  for (const auto& [key, value] : flags) {
    const absl::StatusOr<ConfigPlace> place = FindConfigPlace(config, key);
    if (!place.ok()) return Wrong(key, ToStd(place.status().message()));
    // What the file says gives way as a whole.
    if (cleared.insert(key).second) {
      place->message->GetReflection()->ClearField(place->message, place->field);
    }
    const absl::Status status =
        SetConfigField(*place->field, value, *place->message);
    if (!status.ok()) return Wrong(key, ToStd(status.message()));
  }
  return absl::OkStatus();
}

absl::Status ReadSource(const config::Config& config, Settings& settings) {
  const std::string& source = config.source();
  if (source.empty()) {
    return Wrong("source",
                 "missing; write directory:PATH, where PATH holds FHIR JSON "
                 "files, or medplum");
  }
  settings.source = source;
  if (source == kMedplumSource) {
    if (config.has_medplum()) return absl::OkStatus();
    return Wrong("medplum",
                 "missing; source medplum needs its base-url and login");
  }
  if (!absl::StartsWith(source, ToAbsl(kDirectoryPrefix)) ||
      source.size() == kDirectoryPrefix.size()) {
    return Wrong("source",
                 StrCat("`", source,
                        "` is not a source; write directory:PATH or medplum"));
  }
  if (config.has_medplum() || config.has_sweep() || config.has_attributes()) {
    return Wrong(config.has_medplum() ? "medplum"
                 : config.has_sweep() ? "sweep"
                                      : "attributes",
                 "goes with source medplum only; leave it out");
  }
  settings.source_directory = source.substr(kDirectoryPrefix.size());
  return absl::OkStatus();
}

absl::Status ReadAddresses(const config::Config& config, Settings& settings) {
  for (const std::string& text : config.listen()) {
    absl::StatusOr<ListenAddress> address = config.has_tls()
                                                ? ParseAnyListenAddress(text)
                                                : ParseListenAddress(text);
    if (!address.ok())
      return Wrong("listen", ToStd(address.status().message()));
    const bool twice = std::any_of(
        settings.listen.begin(), settings.listen.end(),
        [&](const ListenAddress& other) {
          const bool picked =
              address->kind == ListenAddress::Kind::kTcp && address->port == 0;
          return !picked && other.ToString() == address->ToString();
        });
    if (twice) return Wrong("listen", StrCat("`", text, "` is given twice"));
    settings.listen.push_back(*std::move(address));
  }
  if (settings.listen.empty()) {
    settings.listen.push_back(*ParseListenAddress("127.0.0.1:8990"));
  }

  const std::string& http = config.http_listen();
  if (http == "none") return absl::OkStatus();
  absl::StatusOr<ListenAddress> address =
      ParseAnyListenAddress(http.empty() ? "127.0.0.1:8991" : http);
  if (!address.ok()) {
    return Wrong("http-listen", ToStd(address.status().message()));
  }
  if (address->kind != ListenAddress::Kind::kTcp) {
    return Wrong("http-listen",
                 StrCat("`", http,
                        "` is not host:port; HTTP is not served on "
                        "unix sockets"));
  }
  settings.http_listen = *std::move(address);
  return absl::OkStatus();
}

AuditMode AuditModeOf(config::AuditMode mode) {
  switch (mode) {
    case config::AUDIT_MODE_OFF:
      return AuditMode::kOff;
    case config::AUDIT_MODE_BEST_EFFORT:
      return AuditMode::kBestEffort;
    default:
      return AuditMode::kRequired;
  }
}

absl::Status ReadSemantics(const config::Config& config, Settings& settings) {
  const bool parity = config.mode() == config::MODE_PARITY;
  settings.mode = parity ? policy::Mode::kParity : policy::Mode::kStrict;
  settings.parameter_semantics = parity || config.has_medplum()
                                     ? policy::ParameterSemantics::kServer
                                     : policy::ParameterSemantics::kDocumented;
  settings.shadow = config.shadow();
  switch (config.parameter_semantics()) {
    case config::PARAMETER_SEMANTICS_SERVER:
      settings.parameter_semantics = policy::ParameterSemantics::kServer;
      break;
    case config::PARAMETER_SEMANTICS_DOCUMENTED:
      settings.parameter_semantics = policy::ParameterSemantics::kDocumented;
      if (parity) {
        return Wrong("parameter-semantics",
                     "`documented` is not what a Medplum server does, so it "
                     "does not go with mode parity; write server or leave it "
                     "out");
      }
      break;
    default:
      break;
  }
  settings.audit_mode = AuditModeOf(config.audit_mode());
  return absl::OkStatus();
}

absl::Status ReadDurations(const config::Config& config, Settings& settings) {
  if (config.has_max_staleness()) {
    settings.max_staleness = ReadDuration(config.max_staleness());
    if (settings.max_staleness <= absl::ZeroDuration()) {
      return Wrong("max-staleness",
                   "must be more than 0s, or nothing would ever be answered");
    }
  }
  if (config.has_stale_after()) {
    settings.stale_after = ReadDuration(config.stale_after());
  } else {
    settings.stale_after =
        std::min(settings.stale_after, settings.max_staleness);
  }
  if (settings.stale_after > settings.max_staleness) {
    return Wrong("stale-after",
                 StrCat("must not be more than max-staleness, which is ",
                        absl::FormatDuration(settings.max_staleness)));
  }
  if (config.has_decision_reuse()) {
    settings.decision_reuse = ReadDuration(config.decision_reuse());
    if (settings.decision_reuse > kMaxDecisionReuse) {
      return Wrong("decision-reuse",
                   "must be at most 5m, as a revoked grant lives that much "
                   "longer");
    }
  }
  if (config.has_drain_timeout()) {
    settings.drain_timeout = ReadDuration(config.drain_timeout());
  }
  return absl::OkStatus();
}

absl::Status ReadSizes(const config::Config& config, Settings& settings) {
  if (config.threads() > kMaxThreads) {
    return Wrong("threads", StrCat("must be at most ", kMaxThreads));
  }
  settings.threads = config.threads();
  if (settings.threads == 0) {
    settings.threads = std::max(1u, std::thread::hardware_concurrency() / 2);
  }
  if (config.max_bound_policies() != 0) {
    settings.max_bound_policies = config.max_bound_policies();
  }
  if (config.socket_mode() == "0660") {
    settings.socket_mode = 0660;
  } else if (!config.socket_mode().empty() && config.socket_mode() != "0600") {
    return Wrong("socket-mode", StrCat("`", config.socket_mode(),
                                       "` is neither 0600 nor 0660"));
  }
  return absl::OkStatus();
}

absl::Status ReadTenants(const config::Config& config, Settings& settings) {
  for (const std::string& name : config.tenants().parameters()) {
    if (name.empty() || name.starts_with('%')) {
      return Wrong("tenants.parameters",
                   StrCat("`", name,
                          "` is no name of a parameter; write it without the "
                          "percent sign"));
    }
    settings.tenant_parameters.push_back(name);
  }
  return absl::OkStatus();
}

absl::Status ReadSessionRules(const config::Config& config,
                              Settings& settings) {
  for (int i = 0; i < config.session_rules_size(); ++i) {
    const config::SessionRules& section = config.session_rules(i);
    const std::string key = StrCat("session-rules[", i, "]");
    policy::SessionRules rules;
    if (section.has_idle_timeout()) {
      rules.idle_timeout = ReadDuration(section.idle_timeout());
    }
    if (section.has_absolute_lifetime()) {
      rules.absolute_lifetime = ReadDuration(section.absolute_lifetime());
    }
    if (section.has_failed_attempts()) {
      rules.failed_attempts = section.failed_attempts();
    }
    if (section.has_lock()) rules.lock = ReadDuration(section.lock());
    rules.administrative_lock = section.administrative_lock();
    rules.mfa = section.mfa();
    if (section.has_lock() && !rules.failed_attempts) {
      return Wrong(key, "`lock` goes with `failed-attempts` only");
    }
    if (const absl::Status status = CheckSessionRules(rules); !status.ok()) {
      return Wrong(key, ToStd(status.message()));
    }
    if (!settings.session_rules.emplace(section.project(), rules).second) {
      return Wrong(key, StrCat("a second section for the project `",
                               section.project(), "`; write one"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHistory(const config::Config& config, Settings& settings) {
  constexpr uint32_t kMaxDays = 36'525;
  if (!config.history().has_retention_days()) return absl::OkStatus();
  const uint32_t days = config.history().retention_days();
  if (days < 1 || days > kMaxDays) {
    return Wrong("history.retention-days",
                 StrCat("must be 1 to ", kMaxDays, ", not ", days));
  }
  settings.history_retention = absl::Hours(24) * days;
  return absl::OkStatus();
}

absl::Status CheckAuditEvents(const Settings& settings) {
  if (!settings.audit.medplum) return absl::OkStatus();
  if (!settings.medplum) {
    return Wrong("audit.medplum.enabled",
                 "goes with source medplum only: AuditEvents are posted to "
                 "that server; leave it out");
  }
  if (settings.audit_mode == AuditMode::kOff) {
    return Wrong("audit.medplum.enabled",
                 "needs an audit log, and audit-mode is off: what is not "
                 "recorded is not posted");
  }
  return absl::OkStatus();
}

absl::Status CheckGatewayCallers(const Settings& settings) {
  const GatewaySettings& gateway = settings.gateway;
  const bool may_any =
      std::any_of(settings.callers.begin(), settings.callers.end(),
                  [](const CallerSettings& caller) {
                    return caller.caller.May(Permission::kGateway) &&
                           caller.caller.subjects_rule != SubjectsRule::kOwn;
                  });
  if (may_any || (!gateway.ext_authz && !gateway.forward_auth)) {
    return absl::OkStatus();
  }
  return Wrong("gateway",
               "no caller may ask it; one needs `permissions: [gateway]` and "
               "`subjects: token`");
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const ConfigInputs& inputs) {
  config::Config config;
  if (inputs.config_file) {
    PDP_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(*inputs.config_file));
    PDP_RETURN_IF_ERROR(ReadYamlConfig(yaml, *inputs.config_file, config));
  }
  PDP_RETURN_IF_ERROR(ApplyFlags(inputs.flags, config));

  Settings settings;
  PDP_RETURN_IF_ERROR(ReadSource(config, settings));
  if (config.data_dir().empty()) {
    return Wrong("data-dir", "missing; name the directory of the store");
  }
  settings.data_dir = config.data_dir();
  settings.bootstrap_from = config.bootstrap_from();
  PDP_RETURN_IF_ERROR(ReadAddresses(config, settings));
  PDP_RETURN_IF_ERROR(ReadSemantics(config, settings));
  PDP_RETURN_IF_ERROR(ReadDurations(config, settings));
  PDP_RETURN_IF_ERROR(ReadSizes(config, settings));
  PDP_RETURN_IF_ERROR(ReadTenants(config, settings));
  PDP_RETURN_IF_ERROR(ReadSessionRules(config, settings));
  PDP_ASSIGN_OR_RETURN(settings.audit,
                       ReadAuditSettings(config.audit(), settings.data_dir));
  PDP_RETURN_IF_ERROR(ReadHistory(config, settings));
  if (config.has_medplum()) {
    PDP_ASSIGN_OR_RETURN(settings.medplum,
                         ReadMedplumSettings(config, settings.stale_after,
                                             settings.max_staleness));
  }
  PDP_RETURN_IF_ERROR(CheckAuditEvents(settings));
  PDP_ASSIGN_OR_RETURN(settings.tls, ReadTls(config));
  PDP_ASSIGN_OR_RETURN(settings.limits, ReadLimits(config));
  PDP_ASSIGN_OR_RETURN(settings.callers, ReadCallers(config));
  PDP_ASSIGN_OR_RETURN(settings.gateway, ReadGateway(config));
  PDP_RETURN_IF_ERROR(CheckGatewayCallers(settings));
  settings.reflection = config.reflection();
  return settings;
}

}  // namespace pdp::service

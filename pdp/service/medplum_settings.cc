#include "pdp/service/medplum_settings.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/schema.h"
#include "pdp/service/base_url.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

namespace config = ::medplum::pdp::config::v1;

constexpr std::string_view kAllProjects = "all";
constexpr uint64_t kMinAttributeBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxAttributeBytes = uint64_t{64} << 30;
constexpr uint32_t kMaxReadsPerSecond = 10'000;
// A server allows a login 20 Subscriptions by WebSocket; 18 follow policies.
constexpr size_t kMaxTypesOnWebSocket = 2;
constexpr size_t kMaxTypesOnRestHook = 50;
constexpr absl::Duration kMinSweepInterval = absl::Milliseconds(100);
constexpr uint32_t kMaxSearchesPerSecond = 1000;
constexpr uint32_t kMaxCachedTokens = 1'000'000;

absl::Status Wrong(std::string_view key, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(key, ": ", message));
}

bool IsId(std::string_view text) {
  return fhir::ResourceKey::Parse(StrCat("Project/", text)).has_value();
}

// Wrong where no file that can be read has this name.
absl::Status CheckFile(std::string_view key, const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) ||
      access(path.c_str(), R_OK) != 0) {
    return Wrong(key, StrCat("cannot read a file `", path, "`"));
  }
  return absl::OkStatus();
}

// `value` is set from `duration` where it is given.
absl::Status ReadWithin(std::string_view key, bool given,
                        const google::protobuf::Duration& duration,
                        absl::Duration least, absl::Duration most,
                        absl::Duration& value) {
  if (!given) return absl::OkStatus();
  value = ReadDuration(duration);
  if (value < least || value > most) {
    return Wrong(key, StrCat("must be from ", absl::FormatDuration(least),
                             " to ", absl::FormatDuration(most)));
  }
  return absl::OkStatus();
}

absl::StatusOr<MedplumLogin> ReadLogin(const std::string& key,
                                       const config::MedplumLogin& from) {
  MedplumLogin login;
  if (from.project().empty()) {
    return Wrong(StrCat(key, ".project"),
                 "missing; write the id of the Project, or all for a super "
                 "admin's client");
  }
  if (!IsId(from.project())) {
    return Wrong(StrCat(key, ".project"),
                 StrCat("`", from.project(),
                        "` is not an id; write what follows `Project/`, or "
                        "all"));
  }
  if (from.project() != kAllProjects) login.project = from.project();
  if (!IsId(from.client_id())) {
    return Wrong(StrCat(key, ".client-id"),
                 from.client_id().empty()
                     ? "missing; write the id of the ClientApplication"
                     : "not an id; write what follows `ClientApplication/`");
  }
  login.client_id = from.client_id();

  login.client_secret_file = from.client_secret_file();
  login.private_key_file = from.private_key_file();
  login.key_id = from.key_id();
  if (login.client_secret_file.empty() == login.private_key_file.empty()) {
    return Wrong(key,
                 "write one of client-secret-file and private-key-file, the "
                 "file that holds the secret of the client");
  }
  if (login.private_key_file.empty()) {
    if (!login.key_id.empty()) {
      return Wrong(StrCat(key, ".key-id"),
                   "belongs to private-key-file; leave it out");
    }
    PDP_RETURN_IF_ERROR(CheckFile(StrCat(key, ".client-secret-file"),
                                  login.client_secret_file));
    return login;
  }
  if (login.key_id.empty()) {
    return Wrong(StrCat(key, ".key-id"),
                 "missing; write the `kid` that the key has at the client's "
                 "jwksUri");
  }
  PDP_RETURN_IF_ERROR(
      CheckFile(StrCat(key, ".private-key-file"), login.private_key_file));
  return login;
}

absl::Status ReadLogins(const config::Medplum& from, MedplumSettings& to) {
  if (from.login().empty()) {
    return Wrong("medplum.login",
                 "missing; write who the PDP is at the server: project, "
                 "client-id and client-secret-file");
  }
  StringMap<int> projects;
  for (int i = 0; i < from.login_size(); ++i) {
    const std::string key = StrCat("medplum.login[", i, "]");
    PDP_ASSIGN_OR_RETURN(MedplumLogin login, ReadLogin(key, from.login(i)));
    const auto [other, first] = projects.try_emplace(login.project, i);
    if (!first) {
      return Wrong(StrCat(key, ".project"),
                   StrCat("`", from.login(i).project(), "` has medplum.login[",
                          other->second, "] already; a project has one login"));
    }
    to.logins.push_back(std::move(login));
  }
  return absl::OkStatus();
}

absl::StatusOr<RestHookSettings> ReadRestHook(const config::RestHook& from) {
  RestHookSettings to;
  if (from.endpoint().empty()) {
    return Wrong("medplum.rest-hook.endpoint",
                 "missing; write the URL by which the Medplum server reaches "
                 "this one");
  }
  absl::StatusOr<std::string> endpoint = ParseBaseUrl(from.endpoint());
  if (!endpoint.ok()) {
    return Wrong("medplum.rest-hook.endpoint",
                 ToStd(endpoint.status().message()));
  }
  to.endpoint = *std::move(endpoint);
  if (from.listen().empty()) {
    return Wrong("medplum.rest-hook.listen",
                 "missing; write host:port, such as 127.0.0.1:8992");
  }
  absl::StatusOr<ListenAddress> listen = ParseOpenAddress(from.listen());
  if (!listen.ok()) {
    return Wrong("medplum.rest-hook.listen", ToStd(listen.status().message()));
  }
  to.listen = *std::move(listen);
  if (from.secret_file().empty()) {
    return Wrong("medplum.rest-hook.secret-file",
                 "missing; write the file that holds the secret under which "
                 "hooks are signed");
  }
  PDP_RETURN_IF_ERROR(
      CheckFile("medplum.rest-hook.secret-file", from.secret_file()));
  to.secret_file = from.secret_file();
  return to;
}

absl::Status ReadNotifications(const config::Medplum& from,
                               MedplumSettings& to) {
  if (from.notifications() == config::NOTIFICATIONS_REST_HOOK) {
    to.notifications = Notifications::kRestHook;
  } else if (from.notifications() == config::NOTIFICATIONS_NONE) {
    to.notifications = Notifications::kNone;
  }
  const bool all_projects =
      std::any_of(to.logins.begin(), to.logins.end(),
                  [](const MedplumLogin& l) { return l.all_projects(); });
  if (to.notifications == Notifications::kWebSocket && all_projects) {
    return Wrong("medplum.notifications",
                 "a Medplum server refuses WebSocket Subscriptions to the "
                 "super admin that project all needs; write rest_hook or "
                 "none");
  }
  if (from.has_rest_hook() != (to.notifications == Notifications::kRestHook)) {
    return Wrong("medplum.rest-hook",
                 from.has_rest_hook()
                     ? "goes with notifications rest_hook only; leave it out"
                     : "missing; write its endpoint, listen and secret-file");
  }
  if (from.has_rest_hook()) {
    PDP_ASSIGN_OR_RETURN(to.rest_hook, ReadRestHook(from.rest_hook()));
  }
  return absl::OkStatus();
}

absl::StatusOr<SweepSettings> ReadSweep(const config::Sweep& from,
                                        absl::Duration stale_after,
                                        absl::Duration max_staleness) {
  SweepSettings to;
  to.interval = std::min(to.interval, stale_after / 2);
  PDP_RETURN_IF_ERROR(ReadWithin("sweep.interval", from.has_interval(),
                                 from.interval(), kMinSweepInterval,
                                 absl::Hours(1), to.interval));
  if (to.interval < kMinSweepInterval) {
    return Wrong(
        "stale-after",
        StrCat("must be at least ", absl::FormatDuration(2 * kMinSweepInterval),
               " with source medplum"));
  }
  if (to.interval > stale_after) {
    return Wrong("sweep.interval",
                 StrCat("must not be more than stale-after, which is ",
                        absl::FormatDuration(stale_after),
                        ", or the data would be called stale between sweeps"));
  }
  if (to.interval >= max_staleness) {
    return Wrong("sweep.interval",
                 StrCat("must be less than max-staleness, which is ",
                        absl::FormatDuration(max_staleness),
                        ", or there would be no decision before each sweep"));
  }
  to.full_interval = std::max(to.full_interval, to.interval);
  PDP_RETURN_IF_ERROR(ReadWithin(
      "sweep.full-interval", from.has_full_interval(), from.full_interval(),
      to.interval, absl::Hours(24), to.full_interval));
  PDP_RETURN_IF_ERROR(ReadWithin("sweep.overlap", from.has_overlap(),
                                 from.overlap(), absl::Seconds(1),
                                 absl::Hours(1), to.overlap));
  if (from.has_max_searches_per_second()) {
    to.max_searches_per_second = from.max_searches_per_second();
    if (to.max_searches_per_second < 1 ||
        to.max_searches_per_second > kMaxSearchesPerSecond) {
      return Wrong("sweep.max-searches-per-second",
                   StrCat("must be from 1 to ", kMaxSearchesPerSecond));
    }
  }
  return to;
}

absl::StatusOr<AccessTokenSettings> ReadAccessTokens(
    const config::AccessTokens& from, const std::string& base_url) {
  AccessTokenSettings to;
  to.issuer = from.issuer().empty() ? base_url : from.issuer();
  if (const auto url = ParseBaseUrl(to.issuer); !url.ok()) {
    return Wrong("medplum.access-tokens.issuer", ToStd(url.status().message()));
  }
  PDP_RETURN_IF_ERROR(
      ReadWithin("medplum.access-tokens.cache", from.has_cache(), from.cache(),
                 absl::Seconds(1), absl::Minutes(10), to.cache));
  PDP_RETURN_IF_ERROR(ReadWithin("medplum.access-tokens.key-refetch-interval",
                                 from.has_key_refetch_interval(),
                                 from.key_refetch_interval(), absl::Seconds(1),
                                 absl::Hours(1), to.key_refetch_interval));
  if (from.has_max_cached()) {
    to.max_cached = from.max_cached();
    if (to.max_cached < 1 || to.max_cached > kMaxCachedTokens) {
      return Wrong("medplum.access-tokens.max-cached",
                   StrCat("must be from 1 to ", kMaxCachedTokens));
    }
  }
  return to;
}

absl::Status ReadSubscribedTypes(const config::Attributes& from,
                                 Notifications notifications,
                                 std::vector<std::string>& to) {
  constexpr std::string_view kWhere = "attributes.subscribed-types";
  for (const std::string& type : from.subscribed_types()) {
    if (!fhir::IsResourceType(type)) {
      return Wrong(kWhere,
                   StrCat("`", type, "` is not a resource type, as Patient"));
    }
    if (std::ranges::count(from.subscribed_types(), type) > 1) {
      return Wrong(kWhere, StrCat("`", type, "` is there twice"));
    }
    to.push_back(type);
  }
  if (to.empty()) return absl::OkStatus();
  if (notifications == Notifications::kNone) {
    return Wrong(kWhere, "goes with notifications; leave it out");
  }
  const size_t most = notifications == Notifications::kWebSocket
                          ? kMaxTypesOnWebSocket
                          : kMaxTypesOnRestHook;
  if (to.size() <= most) return absl::OkStatus();
  return Wrong(kWhere, StrCat("at most ", most,
                              " with these notifications: a server allows a "
                              "login no more Subscriptions"));
}

absl::StatusOr<AttributeSettings> ReadAttributes(const config::Attributes& from,
                                                 Notifications notifications) {
  AttributeSettings to;
  if (from.has_max_bytes()) {
    to.max_bytes = from.max_bytes();
    if (to.max_bytes < kMinAttributeBytes ||
        to.max_bytes > kMaxAttributeBytes) {
      return Wrong("attributes.max-bytes",
                   StrCat("must be from ", kMinAttributeBytes, " to ",
                          kMaxAttributeBytes));
    }
  }
  if (from.has_max_reads_per_second()) {
    to.max_reads_per_second = from.max_reads_per_second();
    if (to.max_reads_per_second < 1 ||
        to.max_reads_per_second > kMaxReadsPerSecond) {
      return Wrong("attributes.max-reads-per-second",
                   StrCat("must be from 1 to ", kMaxReadsPerSecond));
    }
  }
  PDP_RETURN_IF_ERROR(
      ReadSubscribedTypes(from, notifications, to.subscribed_types));
  return to;
}

}  // namespace

absl::StatusOr<MedplumSettings> ReadMedplumSettings(
    const config::Config& config, absl::Duration stale_after,
    absl::Duration max_staleness) {
  const config::Medplum& from = config.medplum();
  MedplumSettings to;
  if (from.base_url().empty()) {
    return Wrong("medplum.base-url",
                 "missing; write the URL of the Medplum server");
  }
  absl::StatusOr<std::string> base_url = ParseBaseUrl(from.base_url());
  if (!base_url.ok()) {
    return Wrong("medplum.base-url", ToStd(base_url.status().message()));
  }
  to.base_url = *std::move(base_url);
  if (!from.ca_file().empty()) {
    PDP_RETURN_IF_ERROR(CheckFile("medplum.ca-file", from.ca_file()));
    to.ca_file = from.ca_file();
  }
  PDP_RETURN_IF_ERROR(ReadLogins(from, to));
  PDP_RETURN_IF_ERROR(
      ReadWithin("medplum.request-timeout", from.has_request_timeout(),
                 from.request_timeout(), absl::Milliseconds(100),
                 absl::Minutes(2), to.request_timeout));
  PDP_RETURN_IF_ERROR(ReadNotifications(from, to));
  PDP_ASSIGN_OR_RETURN(to.sweep,
                       ReadSweep(config.sweep(), stale_after, max_staleness));
  PDP_ASSIGN_OR_RETURN(to.access_tokens,
                       ReadAccessTokens(from.access_tokens(), to.base_url));
  PDP_ASSIGN_OR_RETURN(to.attributes,
                       ReadAttributes(config.attributes(), to.notifications));
  return to;
}

}  // namespace pdp::service

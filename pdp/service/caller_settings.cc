#include "pdp/service/caller_settings.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"
#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::service {
namespace {

namespace config = ::medplum::pdp::config::v1;

constexpr size_t kMaxNameBytes = 64;

absl::Status Wrong(std::string_view key, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(key, ": ", message));
}

// It becomes part of logs and records.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '_' || c == '.';
         });
}

std::optional<Permission> PermissionOf(config::CallerPermission from) {
  switch (from) {
    case config::CALLER_PERMISSION_CHECK:
      return Permission::kCheck;
    case config::CALLER_PERMISSION_FILTER:
      return Permission::kFilter;
    case config::CALLER_PERMISSION_EXPLAIN:
      return Permission::kExplain;
    case config::CALLER_PERMISSION_DESCRIBE:
      return Permission::kDescribe;
    case config::CALLER_PERMISSION_SIMULATE:
      return Permission::kSimulate;
    case config::CALLER_PERMISSION_RECORD:
      return Permission::kRecord;
    case config::CALLER_PERMISSION_ADMIN:
      return Permission::kAdmin;
    case config::CALLER_PERMISSION_GATEWAY:
      return Permission::kGateway;
    default:
      return std::nullopt;
  }
}

absl::Status ReadPermissions(const std::string& key, const config::Caller& from,
                             Caller& caller) {
  for (const int number : from.permissions()) {
    const auto named = static_cast<config::CallerPermission>(number);
    if (named == config::CALLER_PERMISSION_ALL) {
      caller.permissions = kAllPermissions;
    } else if (const auto permission = PermissionOf(named)) {
      caller.permissions = static_cast<uint8_t>(
          caller.permissions | static_cast<uint8_t>(*permission));
    }
  }
  if (caller.permissions != 0) return absl::OkStatus();
  return Wrong(StrCat(key, ".permissions"),
               "missing; write what it may call: check, filter, explain, "
               "describe, simulate, record, admin, gateway, or all");
}

absl::Status ReadProjects(const std::string& key, const config::Caller& from,
                          Caller& caller) {
  for (const std::string& project : from.projects()) {
    if (!fhir::ResourceKey::Parse(StrCat("Project/", project))) {
      return Wrong(StrCat(key, ".projects"),
                   StrCat("`", project,
                          "` is not an id; write what follows `Project/`"));
    }
    caller.projects.push_back(project);
  }
  if (!caller.projects.empty() &&
      (caller.May(Permission::kSimulate) || caller.May(Permission::kAdmin))) {
    return Wrong(StrCat(key, ".projects"),
                 "the permissions simulate and admin are of all projects; "
                 "leave out these or the projects");
  }
  return absl::OkStatus();
}

bool IsOwnSubject(std::string_view reference) {
  const auto key = fhir::ResourceKey::Parse(reference);
  return key && (key->type == "ClientApplication" || key->type == "Bot" ||
                 key->type == "ProjectMembership");
}

absl::Status ReadSubjects(const std::string& key, const config::Caller& from,
                          Caller& caller) {
  switch (from.subjects()) {
    case config::CALLER_SUBJECTS_TOKEN:
      caller.subjects_rule = SubjectsRule::kToken;
      break;
    case config::CALLER_SUBJECTS_ANY:
      caller.subjects_rule = SubjectsRule::kAny;
      break;
    default:
      caller.subjects_rule = SubjectsRule::kOwn;
  }
  const bool is_own = caller.subjects_rule == SubjectsRule::kOwn;
  if (!is_own && from.own_size() > 0) {
    return Wrong(StrCat(key, ".own"),
                 "goes with `subjects: own` only; leave out one");
  }
  for (const std::string& reference : from.own()) {
    if (!IsOwnSubject(reference)) {
      return Wrong(StrCat(key, ".own"),
                   StrCat("`", reference,
                          "` is not ClientApplication/ID, Bot/ID or "
                          "ProjectMembership/ID"));
    }
    caller.subjects.push_back(reference);
  }
  // These ask about nobody.
  constexpr uint8_t kWithoutSubject = static_cast<uint8_t>(Permission::kAdmin) |
                                      static_cast<uint8_t>(Permission::kRecord);
  if (is_own && caller.subjects.empty() &&
      (caller.permissions & ~kWithoutSubject) != 0) {
    return Wrong(StrCat(key, ".subjects"),
                 "missing; write whom it may ask about: `token` for whose "
                 "access token it presents, `any` for anybody, or `own` with "
                 "the list `own` of what it is itself");
  }
  return absl::OkStatus();
}

absl::Status ReadSan(const std::string& key, const config::Config& config,
                     std::string_view text, CallerSettings& settings) {
  if (text.empty()) return absl::OkStatus();
  if (text.starts_with("uri:") && text.size() > 4) {
    settings.san_uri = text.substr(4);
  } else if (text.starts_with("dns:") && text.size() > 4) {
    settings.san_dns = text.substr(4);
  } else {
    return Wrong(StrCat(key, ".san"),
                 StrCat("`", text, "` is neither uri:URI nor dns:NAME"));
  }
  if (config.tls().client_ca_file().empty()) {
    return Wrong(StrCat(key, ".san"),
                 "needs tls.client-ca-file, which says whose certificates "
                 "are believed");
  }
  return absl::OkStatus();
}

absl::Status ReadJwt(const std::string& key, const config::Caller& from,
                     CallerSettings& settings) {
  if (from.issuer().empty()) {
    if (from.audience().empty() && from.token_subject().empty() &&
        from.jwks_file().empty() && from.jwks_url().empty() &&
        from.jwks_ca_file().empty()) {
      return absl::OkStatus();
    }
    return Wrong(StrCat(key, ".issuer"),
                 "missing; write what `iss` of its tokens is");
  }
  // Without an audience any token of the issuer would do, whomever it is for.
  if (from.audience().empty()) {
    return Wrong(StrCat(key, ".audience"),
                 "missing; write what `aud` of its tokens is");
  }
  if (from.jwks_file().empty() == from.jwks_url().empty()) {
    return Wrong(key,
                 "write one of jwks-file and jwks-url, which have the keys of "
                 "the issuer");
  }
  if (!from.jwks_url().empty() && !from.jwks_url().starts_with("https://")) {
    return Wrong(StrCat(key, ".jwks-url"), "is no https: URL");
  }
  if (from.jwks_url().empty() && !from.jwks_ca_file().empty()) {
    return Wrong(StrCat(key, ".jwks-ca-file"),
                 "goes with jwks-url only; leave it out");
  }
  settings.jwt = {.issuer = from.issuer(),
                  .audience = from.audience(),
                  .subject = from.token_subject(),
                  .jwks_file = from.jwks_file(),
                  .jwks_url = from.jwks_url(),
                  .jwks_ca_file = from.jwks_ca_file()};
  return absl::OkStatus();
}

// Whether one may be taken for the other.
absl::Status CheckTogether(const std::string& key, const CallerSettings& one,
                           const CallerSettings& other) {
  if ((!one.san_uri.empty() && one.san_uri == other.san_uri) ||
      (!one.san_dns.empty() && one.san_dns == other.san_dns)) {
    return Wrong(StrCat(key, ".san"), "is another caller's, too");
  }
  if (!one.jwt || !other.jwt || one.jwt->issuer != other.jwt->issuer) {
    return absl::OkStatus();
  }
  if (one.jwt->jwks_file != other.jwt->jwks_file ||
      one.jwt->jwks_url != other.jwt->jwks_url ||
      one.jwt->jwks_ca_file != other.jwt->jwks_ca_file) {
    return Wrong(key, StrCat("`", one.jwt->issuer,
                             "` has other keys at another caller"));
  }
  if (one.jwt->audience == other.jwt->audience &&
      (one.jwt->subject.empty() || other.jwt->subject.empty() ||
       one.jwt->subject == other.jwt->subject)) {
    return Wrong(StrCat(key, ".token-subject"),
                 "nothing tells its tokens from another caller's of this "
                 "issuer and audience; write a different one at each");
  }
  return absl::OkStatus();
}

absl::StatusOr<CallerSettings> ReadCaller(const config::Config& config,
                                          const std::string& key,
                                          const config::Caller& from) {
  CallerSettings settings;
  Caller& caller = settings.caller;
  if (!IsName(from.name())) {
    return Wrong(StrCat(key, ".name"),
                 from.name().empty()
                     ? "missing; write what logs and records shall call it"
                     : "is not made of at most 64 letters, digits, `-`, `_` "
                       "and `.`");
  }
  caller.name = from.name();
  settings.from_loopback = from.from() == config::CALLER_ORIGIN_LOOPBACK;
  settings.token_file = from.token_file();
  PDP_RETURN_IF_ERROR(ReadSan(key, config, from.san(), settings));
  PDP_RETURN_IF_ERROR(ReadJwt(key, from, settings));
  const int ways = (settings.from_loopback ? 1 : 0) +
                   (settings.token_file.empty() ? 0 : 1) +
                   (from.san().empty() ? 0 : 1) + (settings.jwt ? 1 : 0);
  if (ways != 1) {
    return Wrong(key, StrCat(ways == 0 ? "nothing says" : "two keys say",
                             " how it is known; write one of `token-file: "
                             "PATH`, `san`, `issuer` and `from: loopback`"));
  }
  PDP_RETURN_IF_ERROR(ReadPermissions(key, from, caller));
  PDP_RETURN_IF_ERROR(ReadProjects(key, from, caller));
  PDP_RETURN_IF_ERROR(ReadSubjects(key, from, caller));
  if (from.resources() == config::CALLER_RESOURCES_INLINE) {
    caller.resources_rule = ResourcesRule::kInline;
  }
  return settings;
}

}  // namespace

absl::StatusOr<std::vector<CallerSettings>> ReadCallers(
    const config::Config& config) {
  if (config.callers().empty()) {
    return Wrong("callers",
                 "missing: nobody may ask; to let in whoever is on this host, "
                 "write --callers name=local,from=loopback,permissions=all,"
                 "subjects=any,resources=inline");
  }
  std::vector<CallerSettings> callers;
  StringSet names;
  bool has_loopback = false;
  for (int i = 0; i < config.callers_size(); ++i) {
    const std::string key = StrCat("callers[", i, "]");
    PDP_ASSIGN_OR_RETURN(CallerSettings caller,
                         ReadCaller(config, key, config.callers(i)));
    for (const CallerSettings& other : callers) {
      PDP_RETURN_IF_ERROR(CheckTogether(key, caller, other));
    }
    if (!names.insert(caller.caller.name).second) {
      return Wrong(StrCat(key, ".name"),
                   StrCat("`", caller.caller.name, "` is another caller's"));
    }
    if (caller.from_loopback && std::exchange(has_loopback, true)) {
      return Wrong(StrCat(key, ".from"),
                   "another caller comes from loopback, and nothing would "
                   "tell them apart");
    }
    callers.push_back(std::move(caller));
  }
  return callers;
}

}  // namespace pdp::service

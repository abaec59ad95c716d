// What a login must be able to do for a project to be kept by it, and what of
// that it lacks.
//
// A login reads over REST under its effective policy, to which Medplum adds the
// rules of admins.  WebSocket notifications are judged by the raw policies of
// its membership instead, without those rules, and `*` never covers the types
// of project admins: a login may well read what it is never notified of
// (semantics S-2).

#ifndef PDP_MEDPLUM_REQUIRED_ACCESS_H_
#define PDP_MEDPLUM_REQUIRED_ACCESS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/medplum/api.h"

namespace pdp::medplum {

// The types whose resources every decision depends on.
inline constexpr std::string_view kFollowedTypes[] = {
    "Project",           "ProjectMembership", "AccessPolicy",
    "UserConfiguration", "ClientApplication", "Bot"};

inline constexpr std::string_view kWebSocketFeature = "websocket-subscriptions";

struct RequiredAccess {
  // The id of the Project; empty for every project, which takes a super admin.
  std::string project;
  // What is read, searched and, with `web_socket`, notified of.
  std::vector<std::string> types{std::begin(kFollowedTypes),
                                 std::end(kFollowedTypes)};
  // Whether changes are told by WebSocket.
  bool web_socket = true;
  // Whether they are told by rest-hook.
  bool rest_hook = false;
  // Whether decisions become AuditEvents.
  bool audit_events = false;
  // Whether every field is needed, rather than those that are known to be.
  bool every_field = false;
};

struct MissingAccess {
  enum class Use : uint8_t {
    kDecide,  // Without it nothing of the project can be decided.
    kNotify,  // Without it changes are found by sweeps alone.
    kAudit,   // Without it decisions do not become AuditEvents.
  };
  Use use = Use::kDecide;
  // A sentence: what is missing, and what to grant.
  std::string what;

  friend bool operator==(const MissingAccess&, const MissingAccess&) = default;
};

// What is judged.
struct LoginFacts {
  LoginInfo login;
  // `Project.features`.
  std::vector<std::string> project_features;
  // Whether the login can read its own ProjectMembership, which shows the
  // policies below.
  bool membership_is_readable = false;
  // The AccessPolicies that the membership names, as JSON.
  std::vector<std::string> policies;
};

// What the login lacks; empty: nothing.
std::vector<MissingAccess> FindMissingAccess(const LoginFacts& facts,
                                             const RequiredAccess& required);

// Asks the server for the facts: a handful of reads, none of them a search.
absl::StatusOr<LoginFacts> ReadLoginFacts(Api& api);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_REQUIRED_ACCESS_H_

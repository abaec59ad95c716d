// AccessRequest: one question to the decision point.
//
// Text is not owned: it must live until the decision is made.

#ifndef PDP_POLICY_REQUEST_H_
#define PDP_POLICY_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource.h"

namespace pdp::policy {

struct Subject {
  // `ProjectMembership/id`, or a profile, user, client application or bot.
  std::string_view reference;
  // The id of the Project that `reference` is meant in; empty for any.
  std::string_view project;
};

// kLogin: the login or token request itself is asked about.
enum class Authentication : uint8_t { kToken, kBasic, kLogin };

enum class ReadPath : uint8_t { kCacheOrDatabase, kDurableOnly };

// What the caller says of the session (proto: Session).
struct SessionFacts {
  std::optional<absl::Time> authenticated_at;
  std::optional<absl::Time> last_activity_at;
  std::optional<uint32_t> failed_attempts;
  std::optional<absl::Time> last_failed_attempt_at;
  std::optional<bool> locked;
  std::optional<bool> mfa_satisfied;
};

struct RequestContext {
  std::optional<std::string_view> smart_scope;
  std::optional<std::string_view> launch_patient;
  bool extended_mode = false;
  std::optional<std::string_view> remote_address;
  Authentication authentication = Authentication::kToken;
  std::optional<std::string_view> on_behalf_of;
  std::vector<std::string_view> active_tenants;
  // Those of the member's UserConfiguration instead.
  bool use_stored_tenant = false;
  SessionFacts session;
  ReadPath read_path = ReadPath::kCacheOrDatabase;
};

// What the caller says of the resource.
struct ResourceFacts {
  std::string_view type;
  std::string_view id;
  std::string_view version_id;
  // The project that a `current` or `proposed` without meta.project is judged
  // in.
  std::string_view project;
  // As it is stored; null: to be looked up by type and id.
  fhir::ResourcePtr current;
  // As it shall be; for create, update and patch.
  fhir::ResourcePtr proposed;
  bool deleted = false;  // `current` is the last version of a deleted resource.

  // The type that is judged: as named, or that of the resource given.
  std::string_view judged_type() const {
    return !type.empty()         ? type
           : current != nullptr  ? current->type()
           : proposed != nullptr ? proposed->type()
                                 : std::string_view();
  }
};

struct AccessRequest {
  Subject subject;
  RequestContext context;
  fhir::Interaction interaction = fhir::Interaction::kUnspecified;
  ResourceFacts resource;
  bool return_completed_resource = false;
};

struct FilterRequest {
  Subject subject;
  RequestContext context;
  std::string_view resource_type;
  std::string_view query;  // The caller's own, without the type.
  bool runner_is_privileged = true;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_REQUEST_H_

#include "pdp/service/convert_context.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/service/request_fields.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

constexpr size_t kMaxScopeBytes = 16 * 1024;

using fhir::ResourceKey;

constexpr std::string_view kProfileTypes[] = {
    "Practitioner", "Patient", "RelatedPerson", "ClientApplication", "Bot"};

absl::Status CheckMemberReference(std::string_view field,
                                  std::string_view reference,
                                  bool user_allowed) {
  const std::optional<ResourceKey> key = ResourceKey::Parse(reference);
  const bool known =
      key && (key->type == "ProjectMembership" ||
              (user_allowed && key->type == "User") ||
              std::find(std::begin(kProfileTypes), std::end(kProfileTypes),
                        key->type) != std::end(kProfileTypes));
  if (known) return absl::OkStatus();
  return Wrong(field, StrCat(Quoted(reference),
                             " is not a member; send `Type/id` of a "
                             "ProjectMembership, Practitioner, "
                             "Patient, RelatedPerson, "
                             "ClientApplication",
                             user_allowed ? ", Bot or User" : " or Bot"));
}

absl::Status ConvertTime(std::string_view field,
                         const google::protobuf::Timestamp& message,
                         std::optional<absl::Time>& time) {
  // Protobuf's own bounds: the years 1 to 9999.
  constexpr int64_t kFirst = -62'135'596'800;
  constexpr int64_t kLast = 253'402'300'799;
  if (message.seconds() < kFirst || message.seconds() > kLast ||
      message.nanos() < 0 || message.nanos() > 999'999'999) {
    return Wrong(StrCat("context.session.", field), "is no valid Timestamp");
  }
  time = ReadTimestamp(message);
  return absl::OkStatus();
}

absl::Status ConvertSession(const v1::Session& message,
                            policy::SessionFacts& facts) {
  if (message.has_authenticated_at()) {
    PDP_RETURN_IF_ERROR(ConvertTime("authenticated_at",
                                    message.authenticated_at(),
                                    facts.authenticated_at));
  }
  if (message.has_last_activity_at()) {
    PDP_RETURN_IF_ERROR(ConvertTime("last_activity_at",
                                    message.last_activity_at(),
                                    facts.last_activity_at));
  }
  if (message.has_last_failed_attempt_at()) {
    PDP_RETURN_IF_ERROR(ConvertTime("last_failed_attempt_at",
                                    message.last_failed_attempt_at(),
                                    facts.last_failed_attempt_at));
  }
  if (message.has_failed_attempts()) {
    facts.failed_attempts = message.failed_attempts();
  }
  if (message.has_locked()) facts.locked = message.locked();
  if (message.has_mfa_satisfied()) {
    facts.mfa_satisfied = message.mfa_satisfied();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ConvertSubject(const v1::Subject& message,
                            policy::Subject& subject,
                            const policy::TokenBinding* token) {
  if (message.identity_case() == v1::Subject::kAccessToken) {
    if (token == nullptr) {
      return Wrong("subject.access_token",
                   "not taken here; send the member as subject.reference");
    }
    if (!message.project().empty() && message.project() != token->project) {
      return OtherProject("subject.project");
    }
    subject.reference = token->membership;
    subject.project = token->project;
    return absl::OkStatus();
  }
  if (message.identity_case() != v1::Subject::kReference) {
    return Wrong("subject.reference",
                 "missing; send the member's `ProjectMembership/id`, or a "
                 "profile with subject.project");
  }
  PDP_RETURN_IF_ERROR(CheckMemberReference("subject.reference",
                                           message.reference(),
                                           /*user_allowed=*/true));
  PDP_RETURN_IF_ERROR(CheckProjectId("subject.project", message.project()));
  subject.reference = message.reference();
  subject.project = message.project();
  return absl::OkStatus();
}

absl::Status ConvertLogin(const v1::Context& message,
                          const policy::TokenBinding& token,
                          policy::RequestContext& context) {
  constexpr std::string_view kOfToken =
      "not with an access token, whose login has its own; leave it out";
  if (message.has_smart_scope()) return Wrong("context.smart_scope", kOfToken);
  if (message.has_launch_patient()) {
    return Wrong("context.launch_patient", kOfToken);
  }
  if (token.smart_scope) context.smart_scope = *token.smart_scope;
  if (token.launch_patient) context.launch_patient = *token.launch_patient;
  return absl::OkStatus();
}

absl::Status ConvertContext(const v1::Context& message, policy::Mode mode,
                            const RequestLimits& limits,
                            policy::RequestContext& context,
                            const policy::TokenBinding* token) {
  if (token != nullptr) {
    PDP_RETURN_IF_ERROR(ConvertLogin(message, *token, context));
  }
  if (message.smart_scope().size() > kMaxScopeBytes) {
    return absl::ResourceExhaustedError(
        StrCat("context.smart_scope: ", message.smart_scope().size(),
               " bytes; at most ", kMaxScopeBytes, " are taken"));
  }
  if (message.has_smart_scope()) context.smart_scope = message.smart_scope();
  if (message.has_launch_patient()) {
    const std::optional<ResourceKey> key =
        ResourceKey::Parse(message.launch_patient());
    if (!key || key->type != "Patient") {
      return Wrong("context.launch_patient",
                   StrCat(Quoted(message.launch_patient()),
                          " is not a patient; send `Patient/id`, or leave it "
                          "out"));
    }
    context.launch_patient = message.launch_patient();
  }
  context.extended_mode = message.extended_mode();
  if (message.has_remote_address()) {
    if (message.remote_address().empty()) {
      return Wrong("context.remote_address",
                   "empty; send the address, or leave the field out");
    }
    context.remote_address = message.remote_address();
  }
  switch (static_cast<int>(message.authentication())) {
    case v1::AUTHENTICATION_UNSPECIFIED:
    case v1::AUTHENTICATION_TOKEN:
      context.authentication = policy::Authentication::kToken;
      break;
    case v1::AUTHENTICATION_BASIC:
      context.authentication = policy::Authentication::kBasic;
      break;
    case v1::AUTHENTICATION_LOGIN:
      context.authentication = policy::Authentication::kLogin;
      break;
    default:
      return Wrong("context.authentication",
                   "a value that this server does not know; send TOKEN, "
                   "BASIC or LOGIN");
  }
  if (message.has_on_behalf_of()) {
    PDP_RETURN_IF_ERROR(CheckMemberReference("context.on_behalf_of",
                                             message.on_behalf_of(),
                                             /*user_allowed=*/false));
    context.on_behalf_of = message.on_behalf_of();
  }
  const int tenants = message.active_tenants_size();
  if (static_cast<size_t>(tenants) > limits.active_tenants) {
    return absl::ResourceExhaustedError(
        StrCat("context.active_tenants: ", tenants, " tenants; at most ",
               limits.active_tenants, " are taken"));
  }
  for (int i = 0; i < tenants; ++i) {
    const std::string& tenant = message.active_tenants(i);
    if (!ResourceKey::Parse(tenant)) {
      return Wrong(StrCat("context.active_tenants[", i, "]"),
                   StrCat(Quoted(tenant),
                          " is not a reference; send `Type/id`, such as "
                          "`Organization/123`"));
    }
    context.active_tenants.push_back(tenant);
  }
  if (message.use_stored_tenant() && tenants > 0) {
    return Wrong("context.use_stored_tenant",
                 "not together with context.active_tenants; send one of them");
  }
  context.use_stored_tenant = message.use_stored_tenant();
  if (message.has_session()) {
    PDP_RETURN_IF_ERROR(ConvertSession(message.session(), context.session));
  }
  switch (static_cast<int>(message.read_path())) {
    case v1::READ_PATH_UNSPECIFIED:
      context.read_path = policy::ReadPath::kCacheOrDatabase;
      break;
    case v1::READ_PATH_DURABLE_ONLY:
      if (mode == policy::Mode::kStrict) {
        return Wrong("context.read_path",
                     "DURABLE_ONLY is for servers in parity mode, and this one "
                     "is strict; leave it out");
      }
      context.read_path = policy::ReadPath::kDurableOnly;
      break;
    default:
      return Wrong("context.read_path",
                   "a value that this server does not know; leave it out");
  }
  return absl::OkStatus();
}

}  // namespace pdp::service

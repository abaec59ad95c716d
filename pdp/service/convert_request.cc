#include "pdp/service/convert_request.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

constexpr size_t kMaxScopeBytes = 16 * 1024;

using fhir::Interaction;
using fhir::ResourceKey;

constexpr std::string_view kProfileTypes[] = {
    "Practitioner", "Patient", "RelatedPerson", "ClientApplication", "Bot"};

absl::Status Wrong(std::string_view field, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(field, ": ", message));
}

// FHIR's [A-Za-z0-9-.]{1,64}, but for what means another place in a path.
bool IsId(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '.';
         });
}

bool IsTypeName(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         absl::ascii_isalpha(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c));
         });
}

absl::Status OtherProject(std::string_view field) {
  return Wrong(field,
               "not the project of the access token's membership; a token "
               "decides for that one alone, so leave it out");
}

// Text from the request in a message: short, and printable.
std::string Quoted(std::string_view text) {
  constexpr size_t kMax = 80;
  std::string shown(text.substr(0, kMax));
  for (char& c : shown) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return StrCat("`", shown, text.size() > kMax ? "...`" : "`");
}

absl::Status CheckProjectId(std::string_view field, std::string_view id) {
  if (id.empty() || IsId(id)) return absl::OkStatus();
  return Wrong(field, StrCat(Quoted(id),
                             " is not the id of a Project; send the "
                             "id alone, without `Project/`"));
}

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

absl::Status ParseJson(std::string_view field, const std::string& json,
                       const fhir::ParseLimits& limits,
                       fhir::ResourcePtr& resource) {
  if (json.empty()) return absl::OkStatus();
  absl::StatusOr<fhir::ResourcePtr> parsed =
      fhir::Resource::Parse(json, limits);
  if (!parsed.ok()) {
    return absl::Status(parsed.status().code(),
                        StrCat(field, ": ", ToStd(parsed.status().message())));
  }
  resource = *std::move(parsed);
  return absl::OkStatus();
}

absl::Status TypesDisagree(std::string_view field, std::string_view is,
                           std::string_view other_field,
                           std::string_view other) {
  return Wrong(field,
               StrCat("is of the type ", Quoted(is), ", but ", other_field,
                      " says ", Quoted(other), "; send one resource"));
}

std::string_view UpperName(Interaction interaction) {
  constexpr std::array<std::string_view, 9> kNames = {
      "",        "READ",   "VREAD",  "UPDATE", "DELETE",
      "HISTORY", "CREATE", "SEARCH", "PATCH"};
  return kNames[static_cast<size_t>(interaction)];
}

// "field 14 of Context is not known to this server".
template <typename Message>
std::optional<std::string> FindUnknownFields(const Message& message) {
  const google::protobuf::UnknownFieldSet& fields =
      message.GetReflection()->GetUnknownFields(message);
  if (fields.empty()) return std::nullopt;
  return StrCat("field ", fields.field(0).number(), " of ",
                Message::descriptor()->name(),
                " is not known to this server; leave it out, or ask a newer "
                "server");
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

absl::Status InField(std::string_view field, const absl::Status& status) {
  return absl::Status(status.code(),
                      StrCat(field, ".", ToStd(status.message())));
}

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

absl::Status ConvertInteraction(int number, Interaction& interaction) {
  if (number == v1::INTERACTION_UNSPECIFIED) {
    return Wrong("interaction",
                 "missing; say what is to be done, READ for "
                 "example");
  }
  if (!v1::Interaction_IsValid(number)) {
    return Wrong("interaction",
                 StrCat(number, " is not an interaction of this server"));
  }
  interaction = static_cast<Interaction>(number);
  return absl::OkStatus();
}

absl::Status ConvertResource(const v1::Resource& message,
                             const RequestLimits& limits,
                             policy::ResourceFacts& facts) {
  PDP_RETURN_IF_ERROR(
      ParseJson("body", message.body(), limits.resource, facts.current));
  PDP_RETURN_IF_ERROR(ParseJson("proposed", message.proposed(), limits.resource,
                                facts.proposed));
  const fhir::Resource* body = facts.current.get();
  const fhir::Resource* proposed = facts.proposed.get();

  facts.type = message.type();
  if (facts.type.empty() && body != nullptr) facts.type = body->type();
  if (facts.type.empty() && proposed != nullptr) facts.type = proposed->type();
  if (facts.type.empty()) {
    return Wrong("type",
                 "missing; send the resource type, or the resource "
                 "itself as `body` or `proposed`");
  }
  if (!IsTypeName(facts.type)) {
    return Wrong("type", StrCat(Quoted(facts.type),
                                " is not a resource type; send a "
                                "name such as `Patient`"));
  }
  if (body != nullptr && body->type() != facts.type) {
    return TypesDisagree("body", body->type(), "type", facts.type);
  }
  if (proposed != nullptr && proposed->type() != facts.type) {
    return TypesDisagree("proposed", proposed->type(),
                         message.type().empty() ? "body" : "type", facts.type);
  }

  facts.id = message.id();
  if (facts.id.empty() && body != nullptr) facts.id = body->id();
  if (!facts.id.empty() && !IsId(facts.id)) {
    return Wrong("id", StrCat(Quoted(facts.id),
                              " is not an id; send 1 to 64 "
                              "letters, digits, `-` or `.`"));
  }
  if (body != nullptr && !body->id().empty() && body->id() != facts.id) {
    return Wrong("body", StrCat("is the resource ", Quoted(body->id()),
                                ", but id says ", Quoted(facts.id),
                                "; send the resource that is asked about"));
  }
  if (!message.version_id().empty() && !IsId(message.version_id())) {
    return Wrong("version_id",
                 StrCat(Quoted(message.version_id()),
                        " is not a version; send meta.versionId alone, without "
                        "quotes or `W/`"));
  }
  facts.version_id = message.version_id();
  PDP_RETURN_IF_ERROR(CheckProjectId("project", message.project()));
  facts.project = message.project();
  if (message.deleted() && body == nullptr) {
    return Wrong("deleted",
                 "set without body; send the resource's last version as body, "
                 "or leave it out and let the server look it up");
  }
  facts.deleted = message.deleted();
  return absl::OkStatus();
}

absl::Status CheckTokenProject(const policy::TokenBinding* token,
                               const v1::Resource& message) {
  if (token == nullptr || message.project().empty() ||
      message.project() == token->project) {
    return absl::OkStatus();
  }
  return OtherProject("project");
}

absl::Status CheckResource(Interaction interaction,
                           const policy::ResourceFacts& facts) {
  const std::string_view name = UpperName(interaction);
  const bool has_target = interaction != Interaction::kCreate &&
                          interaction != Interaction::kSearch;
  const bool writes_content = interaction == Interaction::kCreate ||
                              interaction == Interaction::kUpdate ||
                              interaction == Interaction::kPatch;
  if (has_target && facts.id.empty()) {
    return Wrong("id", StrCat("missing; ", name, " needs the resource's id"));
  }
  if (interaction == Interaction::kCreate && facts.current != nullptr) {
    return Wrong("body",
                 "not for CREATE, which has no stored resource; send the new "
                 "resource as proposed");
  }
  const bool is_found =
      interaction == Interaction::kSearch && facts.current != nullptr;
  if (is_found && facts.id.empty()) {
    return Wrong("body", "has no id; send the resource as it is stored");
  }
  if (!has_target && !is_found && !facts.id.empty()) {
    return Wrong("id", StrCat("not for ", name, "; leave it out"));
  }
  if (writes_content && facts.proposed == nullptr) {
    return Wrong("proposed", StrCat("missing; ", name,
                                    " needs the resource as it shall be"));
  }
  if (!writes_content && facts.proposed != nullptr) {
    return Wrong("proposed",
                 StrCat("not for ", name, ", which writes no content; ",
                        "leave it out"));
  }
  if (interaction == Interaction::kVread && facts.version_id.empty()) {
    return Wrong("version_id",
                 "missing; VREAD needs the version that is to be read");
  }
  const bool takes_version = interaction == Interaction::kVread ||
                             interaction == Interaction::kUpdate ||
                             interaction == Interaction::kPatch ||
                             interaction == Interaction::kDelete;
  if (!takes_version && !facts.version_id.empty()) {
    return Wrong("version_id",
                 StrCat("not for ", name, "; leave it out",
                        interaction == Interaction::kRead
                            ? ", or ask for VREAD to read one version"
                            : ""));
  }
  return absl::OkStatus();
}

absl::Status ConvertCheck(const v1::CheckRequest& message, policy::Mode mode,
                          const RequestLimits& limits,
                          policy::AccessRequest& request,
                          const policy::TokenBinding* token) {
  PDP_RETURN_IF_ERROR(
      ConvertInteraction(message.interaction(), request.interaction));
  PDP_RETURN_IF_ERROR(
      ConvertSubject(message.subject(), request.subject, token));
  PDP_RETURN_IF_ERROR(
      ConvertContext(message.context(), mode, limits, request.context, token));
  if (!message.has_resource()) {
    return Wrong("resource", "missing; send its type and id, or its content");
  }
  absl::Status status = CheckTokenProject(token, message.resource());
  if (status.ok()) {
    status = ConvertResource(message.resource(), limits, request.resource);
  }
  if (status.ok())
    status = CheckResource(request.interaction, request.resource);
  if (!status.ok()) return InField("resource", status);
  request.return_completed_resource = message.return_completed_resource();
  return absl::OkStatus();
}

absl::Status ConvertFilter(const v1::FilterRequest& message, policy::Mode mode,
                           const RequestLimits& limits,
                           policy::FilterRequest& request,
                           const policy::TokenBinding* token) {
  PDP_RETURN_IF_ERROR(
      ConvertSubject(message.subject(), request.subject, token));
  PDP_RETURN_IF_ERROR(
      ConvertContext(message.context(), mode, limits, request.context, token));
  if (message.resource_type().empty()) {
    return Wrong("resource_type", "missing; send the type to be searched");
  }
  if (!IsTypeName(message.resource_type())) {
    return Wrong("resource_type",
                 StrCat(Quoted(message.resource_type()),
                        " is not a resource type; send a name such as "
                        "`Patient`"));
  }
  request.resource_type = message.resource_type();
  if (!message.query().empty() &&
      (message.query().front() == '?' || message.query().front() == '/')) {
    return Wrong("query",
                 "begins with `?` or `/`; send what follows the `?` "
                 "of a search");
  }
  request.query = message.query();
  switch (static_cast<int>(message.runner())) {
    case v1::QUERY_RUNNER_UNSPECIFIED:
    case v1::QUERY_RUNNER_PRIVILEGED:
      request.runner_is_privileged = true;
      break;
    case v1::QUERY_RUNNER_SAME_PROJECT:
      request.runner_is_privileged = false;
      break;
    default:
      return Wrong("runner",
                   "a value that this server does not know; send "
                   "PRIVILEGED or SAME_PROJECT");
  }
  return absl::OkStatus();
}

absl::Status ConvertFilterResources(const v1::FilterResourcesHeader& message,
                                    policy::Mode mode,
                                    const RequestLimits& limits,
                                    policy::AccessRequest& request,
                                    const policy::TokenBinding* token) {
  PDP_RETURN_IF_ERROR(
      ConvertInteraction(message.interaction(), request.interaction));
  if (request.interaction != Interaction::kRead &&
      request.interaction != Interaction::kSearch) {
    return Wrong("interaction",
                 StrCat(UpperName(request.interaction),
                        " shows no resources; send READ or SEARCH"));
  }
  PDP_RETURN_IF_ERROR(
      ConvertSubject(message.subject(), request.subject, token));
  PDP_RETURN_IF_ERROR(
      ConvertContext(message.context(), mode, limits, request.context, token));
  if (token != nullptr && !message.project().empty() &&
      message.project() != token->project) {
    return OtherProject("project");
  }
  return CheckProjectId("project", message.project());
}

std::optional<std::string> FindUnsupported(const v1::Subject& message) {
  return FindUnknownFields(message);
}

std::optional<std::string> FindUnsupported(const v1::Context& message) {
  std::optional<std::string> found = FindUnknownFields(message.session());
  if (!found) found = FindUnknownFields(message);
  return found;
}

std::optional<std::string> FindUnsupported(const v1::Resource& message) {
  return FindUnknownFields(message);
}

namespace {

template <typename Request>
std::optional<std::string> FindUnsupportedInCall(const Request& message) {
  std::optional<std::string> found = FindUnsupported(message.subject());
  if (!found) found = FindUnsupported(message.context());
  if (!found) found = FindUnknownFields(message.consistency());
  if (!found) found = FindUnknownFields(message);
  return found;
}

}  // namespace

std::optional<std::string> FindUnsupported(const v1::CheckRequest& message) {
  std::optional<std::string> found = FindUnsupportedInCall(message);
  if (!found) found = FindUnsupported(message.resource());
  return found;
}

std::optional<std::string> FindUnsupported(const v1::FilterRequest& message) {
  return FindUnsupportedInCall(message);
}

std::optional<std::string> FindUnsupported(
    const v1::DescribeAccessRequest& message) {
  return FindUnsupportedInCall(message);
}

std::optional<std::string> FindUnsupported(
    const v1::FilterResourcesHeader& message) {
  return FindUnsupportedInCall(message);
}

std::optional<std::string> FindUnsupported(
    const v1::FilterResourcesRequest& message) {
  return FindUnknownFields(message);
}

std::optional<std::string> FindUnsupported(
    const v1::BatchCheckRequest& message) {
  std::optional<std::string> found = FindUnsupported(message.context());
  if (!found) found = FindUnknownFields(message.consistency());
  if (!found) found = FindUnknownFields(message);
  return found;
}

std::optional<std::string> FindUnsupported(const v1::BatchCheckItem& message) {
  return FindUnknownFields(message);
}

}  // namespace pdp::service

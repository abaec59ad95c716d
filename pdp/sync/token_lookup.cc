#include "pdp/sync/token_lookup.h"

#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::sync {
namespace {

using fhir::JsonElement;
using fhir::ResourceKey;
using medplum::ReadAnswer;
using policy::TokenAnswer;

// What an administrator may mend soon.
constexpr absl::Duration kMendableHold = absl::Seconds(5);

TokenAnswer Refused(std::string_view message,
                    policy::Reason reason = policy::Reason::kTokenInvalid,
                    uint16_t medplum_http_status = 401) {
  return {.state = TokenAnswer::State::kRefused,
          .reason = reason,
          .medplum_http_status = medplum_http_status,
          .message = std::string(message)};
}

TokenAnswer Unavailable(const absl::Status& status) {
  return {.state = TokenAnswer::State::kUnavailable,
          .message = StrCat("the Medplum server cannot be asked: ",
                            ToStd(status.message()))};
}

// How an error of a look-up is answered.
TokenAnswer Answer(const absl::Status& status) {
  const std::string_view message = ToStd(status.message());
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      return Refused(message);
    case absl::StatusCode::kUnimplemented:
      return Refused(message, policy::Reason::kNotSupported, 0);
    default:
      return Unavailable(status);
  }
}

absl::Status ScopeUnknown(std::string_view why) {
  return absl::UnimplementedError(
      StrCat("the scope of the access token's login is not known here: ", why,
             "; a login for `all` projects, a super admin's, can read it, or "
             "send the member as subject.reference with context.smart_scope"));
}

// A SMART scope is `patient/Observation.rs`; others, like `openid`, narrow
// nothing (semantics S-5).
bool MayBeSmart(std::string_view scope) {
  return scope.find('/') != std::string_view::npos;
}

// Whether the effective policy has what Medplum gives to every login, and a
// SMART scope takes away where it does not name it (semantics S-2, S-5).
bool HasDefaultTypes(const std::string& policy) {
  simdjson::dom::parser parser;
  JsonElement root;
  if (parser.parse(simdjson::padded_string(policy)).get(root) !=
      simdjson::SUCCESS) {
    return false;
  }
  bool search_parameter = false;
  bool structure_definition = false;
  fhir::ForEachItem(root, "resource", [&](JsonElement entry) {
    const std::string_view type = fhir::StringMember(entry, "resourceType");
    search_parameter |= type == "SearchParameter";
    structure_definition |= type == "StructureDefinition";
  });
  return search_parameter && structure_definition;
}

std::string_view ReferenceIn(const fhir::Resource& resource,
                             std::string_view element) {
  const auto member = fhir::Member(resource.root(), element);
  return member ? fhir::StringMember(*member, "reference") : std::string_view();
}

// OK where a login that cannot be read has no SMART scope.
absl::Status CheckUnscoped(const medplum::AccessTokenClaims& claims,
                           const medplum::LoginInfo& login) {
  if (!claims.scope || MayBeSmart(*claims.scope)) {
    return ScopeUnknown("the token has a SMART scope, or does not tell");
  }
  if (!HasDefaultTypes(login.access_policy)) {
    return ScopeUnknown("its policy is narrowed");
  }
  return absl::OkStatus();
}

// The resource `key`; Unimplemented where there is none.
absl::StatusOr<fhir::ResourcePtr> ReadThrough(medplum::Api& api,
                                              const ResourceKey& key) {
  const absl::StatusOr<ReadAnswer> read = api.Read(key);
  PDP_RETURN_IF_ERROR(read.status());
  if (read->state != ReadAnswer::State::kFound) {
    return ScopeUnknown(StrCat("its ", key.type, " is not to be found"));
  }
  absl::StatusOr<fhir::ResourcePtr> resource =
      fhir::Resource::Parse(read->json);
  if (!resource.ok()) return ScopeUnknown("its Login is malformed");
  return resource;
}

}  // namespace

TokenLookup::TokenLookup(TokenLookupOptions options, medplum::TokenApi& api,
                         medplum::Api* logins)
    : options_(std::move(options)),
      api_(api),
      logins_(logins),
      keys_(api, options_.refetch_interval, *options_.clock) {}

TokenAnswer TokenLookup::Screen(std::string_view token) const {
  const auto read = medplum::ReadAccessToken(token);
  absl::Status status = read.status();
  if (status.ok()) {
    status = medplum::CheckClaims(read->claims, options_.issuer,
                                  options_.clock->Now());
  }
  return status.ok() ? TokenAnswer() : Answer(status);
}

TokenLookup::Result TokenLookup::Look(std::string_view token) {
  const auto read = medplum::ReadAccessToken(token);
  if (!read.ok()) return {Answer(read.status())};
  const auto project = medplum::ProjectOfIssuer(read->claims, options_.issuer);
  if (!project.ok()) return {Answer(project.status())};
  absl::Status status = medplum::CheckClaims(read->claims, options_.issuer,
                                             options_.clock->Now());
  if (!status.ok()) return {Answer(status)};

  medplum::KeyRing::Found found = keys_.Find(read->key_id);
  if (!found.key) {
    if (!found.status.ok()) return {Unavailable(found.status), found.holds};
    return {Refused("the issuer has no key of the name that the access token "
                    "gives"),
            found.holds};
  }
  status = medplum::CheckSignature(*read, *found.key);
  if (!status.ok()) return {Answer(status)};

  const auto login = api_.WhoIs(token, *project);
  if (absl::IsUnauthenticated(login.status())) {
    return {
        Refused("the Medplum server does not take the access token: its "
                "login is revoked, or the membership is not active")};
  }
  if (absl::IsInvalidArgument(login.status())) {
    return {Refused("the Medplum server cannot authenticate the access token: "
                    "the membership's project, profile, policy or user "
                    "configuration is missing",
                    policy::Reason::kSubjectIncomplete, 400),
            kMendableHold};
  }
  if (!login.ok()) return {Unavailable(login.status())};
  const auto membership = ResourceKey::Parse(login->membership);
  if (!membership || membership->type != "ProjectMembership" ||
      !ResourceKey::Parse(StrCat("Project/", login->project))) {
    return {Unavailable(absl::DataLossError(
        "GET auth/me: the answer names no membership and project"))};
  }
  if (!project->empty() && *project != login->project) {
    return {Refused("the access token is of the issuer of another project")};
  }

  policy::TokenBinding binding{.membership = login->membership,
                               .project = login->project,
                               .expires = read->claims.expires};
  status = ReadLogin(read->claims, binding);
  if (absl::IsPermissionDenied(status)) {
    status = CheckUnscoped(read->claims, *login);
  }
  if (!status.ok()) return {Answer(status)};
  return {{.state = TokenAnswer::State::kBound,
           .binding = std::make_shared<const policy::TokenBinding>(
               std::move(binding))}};
}

absl::Status TokenLookup::ReadLogin(const medplum::AccessTokenClaims& claims,
                                    policy::TokenBinding& binding) {
  if (logins_ == nullptr) return absl::PermissionDeniedError("no super admin");
  PDP_ASSIGN_OR_RETURN(const fhir::ResourcePtr login,
                       ReadThrough(*logins_, {"Login", claims.login}));
  if (fhir::BoolMember(login->root(), "revoked").value_or(false)) {
    return absl::UnauthenticatedError("the access token's login is revoked");
  }
  if (ReferenceIn(*login, "membership") != binding.membership) {
    return absl::UnauthenticatedError(
        "the access token's login is of another membership");
  }
  if (const auto scope = fhir::Member(login->root(), "scope")) {
    const auto text = fhir::AsString(*scope);
    if (!text) return ScopeUnknown("its Login is malformed");
    // An empty one is as none to Medplum.
    if (!text->empty()) binding.smart_scope = *text;
  }
  if (fhir::Member(login->root(), "launch")) {
    PDP_ASSIGN_OR_RETURN(binding.launch_patient,
                         ReadLaunchPatient(ReferenceIn(*login, "launch")));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> TokenLookup::ReadLaunchPatient(
    std::string_view launch) {
  const auto key = ResourceKey::Parse(launch);
  if (!key || key->type != "SmartAppLaunch") {
    return ScopeUnknown("its launch is malformed");
  }
  const auto resource = ReadThrough(*logins_, *key);
  if (absl::IsPermissionDenied(resource.status())) {
    return ScopeUnknown("this server may not read its SmartAppLaunch");
  }
  PDP_RETURN_IF_ERROR(resource.status());
  if (!fhir::Member((*resource)->root(), "patient")) return std::nullopt;
  const auto patient = ResourceKey::Parse(ReferenceIn(**resource, "patient"));
  if (!patient || patient->type != "Patient") {
    return ScopeUnknown("the patient of its launch is malformed");
  }
  return patient->ToString();
}

}  // namespace pdp::sync

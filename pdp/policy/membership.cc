#include "pdp/policy/membership.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

using fhir::JsonElement;

// A member of the wrong type could hide a restriction: `"active": "false"` is
// not a membership that may be used.
absl::Status WrongType(std::string_view member) {
  return absl::InvalidArgumentError(
      StrCat("ProjectMembership.", member, " has the wrong JSON type"));
}

absl::StatusOr<bool> Flag(JsonElement root, std::string_view name,
                          bool absent) {
  const std::optional<JsonElement> member = fhir::Member(root, name);
  if (!member || member->is_null()) return absent;
  bool value = false;
  if (member->get(value) != simdjson::SUCCESS) return WrongType(name);
  return value;
}

absl::StatusOr<std::string> ReferenceMember(JsonElement parent,
                                            std::string_view name) {
  const std::optional<JsonElement> member = fhir::Member(parent, name);
  if (!member || member->is_null()) return std::string();
  if (!member->is_object()) return WrongType(name);
  return std::string(fhir::StringMember(*member, "reference"));
}

absl::StatusOr<PolicyReference> PolicyMember(JsonElement parent,
                                             std::string_view name) {
  PolicyReference policy;
  PDP_ASSIGN_OR_RETURN(policy.reference, ReferenceMember(parent, name));
  if (const auto member = fhir::Member(parent, name)) {
    policy.json = fhir::ToJson(*member);
  }
  return policy;
}

absl::StatusOr<Parameter> ParseParameter(JsonElement item) {
  Parameter parameter;
  parameter.name = fhir::StringMember(item, "name");
  if (parameter.name.empty()) {
    return absl::InvalidArgumentError(
        "ProjectMembership.access.parameter has no name");
  }
  parameter.value = fhir::StringMember(item, "valueString");
  if (!parameter.value.empty()) return parameter;
  if (const auto reference = fhir::Member(item, "valueReference")) {
    parameter.is_reference = true;
    const auto text = fhir::Member(*reference, "reference");
    // What JavaScript makes of a reference without text (semantics S-3).
    parameter.value = text ? std::string(fhir::AsString(*text).value_or(
                                 std::string_view("undefined")))
                           : "undefined";
  }
  return parameter;
}

absl::StatusOr<AccessItem> ParseAccessItem(JsonElement item) {
  if (!item.is_object()) return WrongType("access");
  AccessItem access;
  PDP_ASSIGN_OR_RETURN(access.policy, PolicyMember(item, "policy"));
  absl::Status status;
  fhir::ForEachItem(item, "parameter", [&](JsonElement parameter) {
    absl::StatusOr<Parameter> parsed = ParseParameter(parameter);
    if (!parsed.ok()) {
      status.Update(parsed.status());
      return;
    }
    access.parameters.push_back(*std::move(parsed));
  });
  PDP_RETURN_IF_ERROR(status);
  return access;
}

}  // namespace

absl::StatusOr<Membership> ParseMembership(const fhir::Resource& resource) {
  if (resource.type() != "ProjectMembership") {
    return absl::InvalidArgumentError(
        StrCat("a ", resource.type(), " is no ProjectMembership"));
  }
  const JsonElement root = resource.root();
  Membership membership;
  membership.id = resource.id();
  PDP_ASSIGN_OR_RETURN(membership.project, ReferenceMember(root, "project"));
  PDP_ASSIGN_OR_RETURN(membership.user, ReferenceMember(root, "user"));
  PDP_ASSIGN_OR_RETURN(membership.profile, ReferenceMember(root, "profile"));
  if (const auto configuration = fhir::Member(root, "userConfiguration");
      configuration && !configuration->is_null()) {
    membership.has_user_configuration = true;
    PDP_ASSIGN_OR_RETURN(membership.user_configuration,
                         ReferenceMember(root, "userConfiguration"));
  }
  if (const auto access_policy = fhir::Member(root, "accessPolicy");
      access_policy && !access_policy->is_null()) {
    PDP_ASSIGN_OR_RETURN(membership.access_policy,
                         PolicyMember(root, "accessPolicy"));
  }
  PDP_ASSIGN_OR_RETURN(membership.admin, Flag(root, "admin", false));
  PDP_ASSIGN_OR_RETURN(membership.active, Flag(root, "active", true));

  if (const auto access = fhir::Member(root, "access");
      access && !access->is_null() && !access->is_array()) {
    return WrongType("access");
  }
  absl::Status status;
  fhir::ForEachItem(root, "access", [&](JsonElement item) {
    if (item.is_null()) return;
    absl::StatusOr<AccessItem> parsed = ParseAccessItem(item);
    if (!parsed.ok()) {
      status.Update(parsed.status());
      return;
    }
    membership.access.push_back(*std::move(parsed));
  });
  PDP_RETURN_IF_ERROR(status);
  return membership;
}

}  // namespace pdp::policy

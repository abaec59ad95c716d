#include "pdp/policy/project.h"

#include <string_view>

namespace pdp::policy {
namespace {

using fhir::JsonElement;

std::string Reference(JsonElement parent, std::string_view name) {
  const auto member = fhir::Member(parent, name);
  return member ? std::string(fhir::StringMember(*member, "reference"))
                : std::string();
}

}  // namespace

Project ParseProject(const fhir::Resource& resource) {
  const JsonElement root = resource.root();
  Project project;
  project.id = resource.id();
  project.super_admin = fhir::BoolMember(root, "superAdmin").value_or(false);
  project.strict_mode = fhir::BoolMember(root, "strictMode").value_or(false);
  project.check_references_on_write =
      fhir::BoolMember(root, "checkReferencesOnWrite").value_or(false);
  fhir::ForEachItem(root, "features", [&](JsonElement feature) {
    const auto name = fhir::AsString(feature);
    if (name == "transaction-bundles") project.transaction_bundles = true;
    if (name == "range-search") project.range_search = true;
  });
  fhir::ForEachItem(root, "link", [&](JsonElement link) {
    if (std::string target = Reference(link, "project"); !target.empty()) {
      project.links.push_back(std::move(target));
    }
  });
  fhir::ForEachItem(root, "exportedResourceType", [&](JsonElement type) {
    if (const auto name = fhir::AsString(type)) {
      project.exported_types.emplace_back(*name);
    }
  });
  fhir::ForEachItem(root, "defaultProfile", [&](JsonElement item) {
    project.has_default_profiles = true;
    const auto profiles = fhir::Member(item, "profile");
    project.default_profiles.try_emplace(
        std::string(fhir::StringMember(item, "resourceType")),
        profiles ? fhir::ToJson(*profiles) : std::string());
  });
  fhir::ForEachItem(root, "setting", [&](JsonElement setting) {
    if (fhir::StringMember(setting, "name") == "pdpSessionRules") {
      project.session_rules.emplace_back(
          fhir::StringMember(setting, "valueString"));
    }
  });
  if (const auto defaults = fhir::Member(root, "defaultAccessPolicies")) {
    project.has_default_access_policies = true;
    fhir::ForEachItem(root, "defaultAccessPolicies", [&](JsonElement item) {
      const std::string_view profile_type =
          fhir::StringMember(item, "profileType");
      PolicyReference* target =
          profile_type == "Practitioner"
              ? &project.default_practitioner_access_policy
          : profile_type == "Admin" ? &project.default_admin_access_policy
                                    : nullptr;
      const auto policy = fhir::Member(item, "accessPolicy");
      if (target != nullptr && target->reference.empty() && policy) {
        *target = {std::string(fhir::StringMember(*policy, "reference")),
                   fhir::ToJson(*policy)};
      }
    });
  }
  return project;
}

}  // namespace pdp::policy

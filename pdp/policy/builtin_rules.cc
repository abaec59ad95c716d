#include "pdp/policy/builtin_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {
namespace {

using std::string_view_literals::operator""sv;

DraftEntry BuiltIn(PolicyEntry entry, std::string_view rule) {
  EntrySource source;
  source.built_in = rule;
  return DraftEntry(std::move(entry), std::move(source));
}

PolicyEntry WholeType(std::string_view type) {
  PolicyEntry entry;
  entry.resource_type = type;
  return entry;
}

PolicyEntry Readonly(std::string_view type) {
  PolicyEntry entry = WholeType(type);
  entry.readonly = true;
  entry.has_readonly = true;
  return entry;
}

void SetInteractions(std::initializer_list<std::string_view> names,
                     PolicyEntry& entry) {
  entry.has_interaction = true;
  for (const std::string_view name : names) {
    entry.interaction_names.emplace_back(name);
    entry.interactions = static_cast<fhir::InteractionSet>(
        entry.interactions | fhir::Bit(*fhir::ParseInteraction(name)));
  }
}

bool Names(const std::vector<DraftEntry>& entries, std::string_view type) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const DraftEntry& draft) {
                       return draft.entry().resource_type == type;
                     });
}

// The fixed entries of a project admin, in Medplum's order.
std::vector<PolicyEntry> ProjectAdminEntries(std::string_view project_id) {
  PolicyEntry own_project = WholeType("Project");
  own_project.criteria = StrCat("Project?_id=", project_id);
  SetInteractions({"read", "vread", "update", "history", "create", "search"},
                  own_project);
  own_project.readonly_fields = {"features", "link", "systemSetting"};
  own_project.hidden_fields = {"superAdmin", "systemSecret", "strictMode"};

  PolicyEntry any_project = WholeType("Project");
  SetInteractions({"read", "vread", "history", "search"}, any_project);
  any_project.hidden_fields = {"superAdmin", "setting",      "systemSetting",
                               "secret",     "systemSecret", "strictMode"};

  PolicyEntry memberships = WholeType("ProjectMembership");
  memberships.criteria = StrCat("ProjectMembership?_project=", project_id);
  memberships.readonly_fields = {"project", "user"};

  PolicyEntry security_requests = Readonly("UserSecurityRequest");
  security_requests.criteria =
      StrCat("UserSecurityRequest?_project=", project_id);

  PolicyEntry users = WholeType("User");
  users.criteria = StrCat("User?_project=", project_id);
  users.hidden_fields = {"passwordHash", "mfaSecret"};
  users.readonly_fields = {"email", "emailVerified", "mfaEnrolled", "project"};

  return {std::move(own_project),     std::move(any_project),
          std::move(memberships),     std::move(security_requests),
          std::move(users),           Readonly("Package"),
          Readonly("PackageRelease"), Readonly("PackageInstallation")};
}

}  // namespace

DraftEntry NoPolicyEntry() { return BuiltIn(WholeType("*"), "no-policy"); }

void AddDefaultTypes(std::vector<DraftEntry>& entries) {
  for (const std::string_view type :
       {"SearchParameter"sv, "StructureDefinition"sv}) {
    if (!Names(entries, type)) {
      entries.push_back(BuiltIn(Readonly(type), "default-type"));
    }
  }
}

void ApplyAdminRules(bool super_admin, bool admin, std::string_view project_id,
                     std::vector<DraftEntry>& entries) {
  if (super_admin) {
    for (const std::string_view type : ProjectAdminTypes()) {
      if (!Names(entries, type)) {
        entries.push_back(BuiltIn(WholeType(type), "super-admin"));
      }
    }
    return;
  }
  std::erase_if(entries, [](const DraftEntry& draft) {
    return IsProjectAdminType(draft.entry().resource_type);
  });
  if (!admin) return;
  for (PolicyEntry& entry : ProjectAdminEntries(project_id)) {
    entries.push_back(BuiltIn(std::move(entry), "project-admin"));
  }
}

}  // namespace pdp::policy

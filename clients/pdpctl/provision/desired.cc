#include "clients/pdpctl/provision/desired.h"

#include <algorithm>
#include <set>
#include <utility>

#include "pdp/base/strings.h"

namespace pdp::provision {
namespace {

bool IsIn(const std::vector<std::string>& environments,
          const std::string& environment) {
  return environments.empty() ||
         std::find(environments.begin(), environments.end(), environment) !=
             environments.end();
}

// Builds what is wanted of one project.  Confined.
class Builder {
 public:
  Builder(const ProvisionFile& file, const Environment& environment,
          const std::string& organization)
      : file_(file), environment_(environment) {
    project_.organization = organization;
    project_.login = environment.logins.at(organization);
  }

  DesiredProject Build() {
    project_.roles = file_.roles;
    for (const Organization& one : file_.organizations) {
      if (IsHere(one)) project_.organizations.push_back(one);
    }
    for (const Person& person : file_.people) {
      if (IsIn(person.environments, environment_.name)) AddPerson(person);
    }
    std::stable_partition(
        project_.members.begin(), project_.members.end(),
        [](const DesiredMember& m) { return m.person.type == "Patient"; });
    return std::move(project_);
  }

 private:
  bool IsHere(const Organization& one) const {
    return IsIn(one.environments, environment_.name) &&
           (project_.organization.empty() || project_.organization == one.name);
  }

  void AddPerson(const Person& person) {
    if (!person.membership_per_organization) {
      return AddMember(person, person.access, "");
    }
    std::vector<std::string> tenants;
    for (const Grant& grant : person.access) {
      if (std::find(tenants.begin(), tenants.end(), grant.organization) ==
          tenants.end()) {
        tenants.push_back(grant.organization);
      }
    }
    for (const std::string& tenant : tenants) {
      std::vector<Grant> grants;
      std::copy_if(person.access.begin(), person.access.end(),
                   std::back_inserter(grants), [&](const Grant& grant) {
                     return grant.organization == tenant;
                   });
      AddMember(person, grants, tenant);
    }
  }

  void AddMember(const Person& person, const std::vector<Grant>& grants,
                 const std::string& tenant) {
    DesiredMember member;
    member.person = person;
    member.is_one_of_several = !tenant.empty();
    member.key =
        StrCat("member/", person.name, tenant.empty() ? "" : "@", tenant);
    member.content.admin = person.admin;
    std::vector<policy::AccessItem> suspended;
    bool is_here = false;
    for (const Grant& grant : grants) {
      const Organization* organization =
          file_.FindOrganization(grant.organization);
      if (organization != nullptr && !IsHere(*organization)) continue;
      is_here = true;
      const OrganizationState state = organization == nullptr
                                          ? OrganizationState::kActive
                                          : organization->state;
      if (state == OrganizationState::kOffboarded) continue;
      (state == OrganizationState::kActive ? member.content.access : suspended)
          .push_back(ItemOf(person, grant));
    }
    if (!is_here) return;
    member.is_absent = member.content.access.empty() && suspended.empty();
    member.content.active = person.active && !member.content.access.empty();
    if (member.content.access.empty()) {
      member.content.access = std::move(suspended);
    }
    project_.members.push_back(std::move(member));
  }

  policy::AccessItem ItemOf(const Person& person, const Grant& grant) const {
    const Role& role = *file_.FindRole(grant.role);
    policy::AccessItem item;
    item.policy.reference = StrCat("@", RoleKey(role.name));
    if (role.binds_tenant) {
      item.parameters.push_back(
          {file_.tenant_parameter,
           StrCat("@", OrganizationKey(grant.organization)), true});
    }
    bool has_patient = false;
    for (const policy::Parameter& parameter : grant.parameters) {
      has_patient = has_patient || parameter.name == "patient";
      item.parameters.push_back(parameter);
    }
    if (person.type == "RelatedPerson" && role.uses_patient && !has_patient) {
      item.parameters.push_back({"patient", PatientOf(person), true});
    }
    return item;
  }

  std::string PatientOf(const Person& person) const {
    return file_.FindPerson(person.patient) != nullptr
               ? StrCat("@", ProfileKey(person.patient))
               : person.patient;
  }

  const ProvisionFile& file_;
  const Environment& environment_;
  DesiredProject project_;
};

}  // namespace

std::string RoleKey(std::string_view role) { return StrCat("role/", role); }
std::string OrganizationKey(std::string_view organization) {
  return StrCat("organization/", organization);
}
std::string ProfileKey(std::string_view person) {
  return StrCat("profile/", person);
}

std::vector<DesiredProject> DesiredOf(const ProvisionFile& file,
                                      const Environment& environment) {
  std::vector<DesiredProject> projects;
  for (const auto& [organization, unused] : environment.logins) {
    projects.push_back(Builder(file, environment, organization).Build());
  }
  return projects;
}

DesiredProject Only(const DesiredProject& project,
                    std::string_view organization) {
  DesiredProject only;
  only.organization = project.organization;
  only.login = project.login;
  std::set<std::string> roles;
  std::set<std::string> organizations = {std::string(organization)};
  for (const DesiredMember& member : project.members) {
    const auto& access = member.person.access;
    const bool is_of_it = std::any_of(
        access.begin(), access.end(),
        [&](const Grant& grant) { return grant.organization == organization; });
    if (!is_of_it) continue;
    for (const Grant& grant : access) {
      roles.insert(grant.role);
      organizations.insert(grant.organization);
    }
    only.members.push_back(member);
  }
  // Who has one membership a tenant keeps those of the others as they are.
  std::erase_if(only.members, [&](const DesiredMember& member) {
    return member.is_one_of_several &&
           !member.key.ends_with(StrCat("@", organization));
  });
  std::copy_if(project.roles.begin(), project.roles.end(),
               std::back_inserter(only.roles),
               [&](const Role& role) { return roles.contains(role.name); });
  std::copy_if(project.organizations.begin(), project.organizations.end(),
               std::back_inserter(only.organizations),
               [&](const Organization& one) {
                 return organizations.contains(one.name);
               });
  return only;
}

}  // namespace pdp::provision

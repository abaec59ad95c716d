#include "clients/pdpctl/provision/check_file.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/str_join.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::provision {
namespace {

template <typename T>
std::string NamesOf(const std::vector<T>& all) {
  std::vector<std::string> names;
  for (const T& one : all) names.push_back(one.name);
  return names.empty() ? "there are none" : absl::StrJoin(names, ", ");
}

// Confined.
class Checker {
 public:
  explicit Checker(const ProvisionFile& file) : file_(file) {}

  std::vector<std::string> Check() {
    for (const Organization& one : file_.organizations) {
      CheckEnvironments(one.where, one.environments);
    }
    for (const Person& person : file_.people) CheckPerson(person);
    return std::move(errors_);
  }

 private:
  void Note(const std::string& where, std::string_view what) {
    errors_.push_back(StrCat(where, ": ", what));
  }

  void CheckEnvironments(const std::string& where,
                         const std::vector<std::string>& names);
  void CheckPerson(const Person& person);
  void CheckWhoIs(const Person& person);
  void CheckGrant(const Person& person, const Grant& grant);

  const ProvisionFile& file_;
  std::vector<std::string> errors_;
};

void Checker::CheckEnvironments(const std::string& where,
                                const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (file_.FindEnvironment(name) != nullptr) continue;
    Note(where,
         StrCat("there is no environment `", name,
                "`; the environments are: ", NamesOf(file_.environments)));
  }
}

void Checker::CheckPerson(const Person& person) {
  CheckEnvironments(person.where, person.environments);
  CheckWhoIs(person);
  if (person.access.empty()) {
    Note(person.where,
         StrCat("`", person.name,
                "` has no `access`: Medplum gives a member without a policy "
                "full access, so write at least one `- role: ...`"));
  }
  for (const Grant& grant : person.access) CheckGrant(person, grant);
}

void Checker::CheckWhoIs(const Person& person) {
  if (std::find(std::begin(kMemberTypes), std::end(kMemberTypes),
                person.type) == std::end(kMemberTypes)) {
    return Note(
        person.where,
        StrCat("`", person.name,
               "` needs a `type`: ", absl::StrJoin(kMemberTypes, ", "),
               person.type.empty() ? std::string()
                                   : StrCat("; `", person.type, "` is none")));
  }
  if (person.is_invited()) {
    if (person.given.empty() || person.family.empty()) {
      Note(person.where,
           StrCat("`", person.name, "` needs `given` and `family`"));
    }
    if (person.email.empty() == person.external_id.empty()) {
      Note(person.where, StrCat("`", person.name,
                                "` needs one of `email` and `external-id`"));
    }
  }
  if (person.type == "RelatedPerson") {
    const Person* patient = file_.FindPerson(person.patient);
    const auto key = fhir::ResourceKey::Parse(person.patient);
    if ((patient == nullptr || patient->type != "Patient") &&
        (!key || key->type != "Patient")) {
      Note(person.where, StrCat("`", person.name,
                                "` needs `patient`: the name of a person "
                                "of type Patient, or Patient/ID"));
    }
  } else if (!person.patient.empty()) {
    Note(person.where, "`patient` is of a RelatedPerson alone");
  }
}

void Checker::CheckGrant(const Person& person, const Grant& grant) {
  const Role* role = file_.FindRole(grant.role);
  if (role == nullptr) {
    return Note(grant.where,
                StrCat("there is no role `", grant.role,
                       "`; the roles are: ", NamesOf(file_.roles)));
  }
  if (!role->profiles.empty() &&
      std::find(role->profiles.begin(), role->profiles.end(), person.type) ==
          role->profiles.end()) {
    Note(grant.where,
         StrCat("the role `", role->name, "` is not for a ", person.type,
                ": its `profiles` are ", absl::StrJoin(role->profiles, ", ")));
  }
  const bool names_organization = !grant.organization.empty();
  if (names_organization &&
      file_.FindOrganization(grant.organization) == nullptr) {
    Note(grant.where,
         StrCat("there is no organization `", grant.organization,
                "`; the organizations are: ", NamesOf(file_.organizations)));
  }
  if (!names_organization &&
      (role->binds_tenant ||
       file_.tenancy == Tenancy::kProjectPerOrganization)) {
    Note(grant.where,
         role->binds_tenant
             ? StrCat("the policy of `", role->name, "` uses %",
                      file_.tenant_parameter,
                      ", which nothing binds: add `organization: NAME`")
             : std::string("add `organization: NAME`: every organization is a "
                           "project of its own"));
  }
  if (names_organization && !role->binds_tenant &&
      file_.tenancy == Tenancy::kOrganizationInProject) {
    Note(grant.where,
         StrCat("the policy of `", role->name, "` does not use %",
                file_.tenant_parameter,
                ": it would reach every organization; "
                "use it in the policy, or leave `organization` out"));
  }
  for (const policy::Parameter& parameter : grant.parameters) {
    if (parameter.name == file_.tenant_parameter) {
      Note(grant.where, StrCat("`", parameter.name,
                               "` is bound by "
                               "`organization: NAME`, not by `parameters`"));
    }
  }
}

}  // namespace

std::vector<std::string> CheckFile(const ProvisionFile& file) {
  return Checker(file).Check();
}

}  // namespace pdp::provision

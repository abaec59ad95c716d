// The file that says what provisioning is to make: environments, tenancy,
// organizations, roles and people (docs/provisioning.md).

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_PROVISION_FILE_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_PROVISION_FILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/policy/membership.h"

namespace pdp::provision {

enum class Tenancy : uint8_t {
  kOrganizationInProject,
  kProjectPerOrganization,
};

// An administrator's login at one project.
struct Login {
  std::string project;  // The id of the Project.
  std::string client_id;
  // Files; one of the two.
  std::string client_secret_file;
  std::string private_key_file;
  std::string key_id;
};

struct Environment {
  std::string name;
  std::string where;  // `file:line:column`, as of all that follows.
  std::string base_url;
  std::string ca_file;
  // Where the secrets of new ClientApplications are written; empty: none can
  // be made.
  std::string secrets_directory;
  bool send_email = false;  // Medplum invites by mail.
  // By organization; with kOrganizationInProject one, under the empty name.
  std::map<std::string, Login> logins;
};

struct Role {
  std::string name;
  std::string where;
  // The AccessPolicy, without id and meta.
  std::string policy;
  std::string policy_name;
  bool binds_tenant = false;  // The policy uses the tenant parameter.
  bool uses_patient = false;
  std::vector<std::string> profiles;  // Who may have it; empty: everybody.
  bool adopt = false;
};

enum class OrganizationState : uint8_t { kActive, kSuspended, kOffboarded };

struct Organization {
  std::string name;
  std::string where;
  std::string title;
  OrganizationState state = OrganizationState::kActive;
  std::string identifier_system;
  std::string identifier_value;
  std::vector<std::string> environments;  // Empty: all.
};

struct Grant {
  std::string where;
  std::string role;
  std::string organization;  // Empty: of none.
  // Besides the tenant's.
  std::vector<policy::Parameter> parameters;
};

struct Person {
  std::string name;
  std::string where;
  std::string type;   // Practitioner, Patient, RelatedPerson, Bot, or
                      // ClientApplication.
  std::string title;  // Of a Bot or a ClientApplication.
  std::string given;
  std::string family;
  std::string email;
  std::string external_id;
  // Of a RelatedPerson: a person of the file, or `Patient/id`.
  std::string patient;
  bool admin = false;
  bool active = true;
  bool membership_per_organization = false;
  bool adopt = false;
  std::vector<std::string> environments;  // Empty: all.
  std::vector<Grant> access;              // Not empty.

  bool is_invited() const { return type != "Bot" && !is_client(); }
  bool is_client() const { return type == "ClientApplication"; }
};

struct ProvisionFile {
  std::string path;
  Tenancy tenancy = Tenancy::kOrganizationInProject;
  std::string tenant_parameter = "organization";
  // Of the identifiers and tags that mark what was made.
  std::string system = "urn:medplum-pdp:provision";
  std::vector<Environment> environments;
  std::vector<Organization> organizations;
  std::vector<Role> roles;
  std::vector<Person> people;

  // Null where there is none.
  const Environment* FindEnvironment(std::string_view name) const;
  const Organization* FindOrganization(std::string_view name) const;
  const Role* FindRole(std::string_view name) const;
  const Person* FindPerson(std::string_view name) const;
};

// Reads the YAML `text` of the file `path`, and the policies that it names
// relative to it.
//
// InvalidArgument: all that is wrong, a line each, `file:line:column: ` what,
// and what to do.
absl::StatusOr<ProvisionFile> ParseProvisionFile(const std::string& text,
                                                 const std::string& path);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_PROVISION_FILE_H_

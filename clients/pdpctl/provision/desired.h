// What a file wants of one project, in the names of the file: where an id is
// not known before something is made, `@role/nurse`, `@organization/north` and
// `@profile/alice` stand for its reference.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_DESIRED_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_DESIRED_H_

#include <string>
#include <string_view>
#include <vector>

#include "clients/pdpctl/provision/content.h"
#include "clients/pdpctl/provision/provision_file.h"

namespace pdp::provision {

// Keys: the names by which what was made is found again.
std::string RoleKey(std::string_view role);                  // role/nurse
std::string OrganizationKey(std::string_view organization);  // organization/a
std::string ProfileKey(std::string_view person);             // profile/alice

struct DesiredMember {
  std::string key;  // `member/alice`, or `member/alice@north` of a tenant.
  Person person;
  MembershipContent content;
  // Has a membership of its own for this tenant, besides others.
  bool is_one_of_several = false;
  // All of its organizations are offboarded: there is to be none.
  bool is_absent = false;
};

struct DesiredProject {
  std::string organization;  // With a project for each; else empty.
  Login login;
  std::vector<Role> roles;
  std::vector<Organization> organizations;
  std::vector<DesiredMember> members;  // Patients first.
};

// One, or one for each organization that the environment has.  REQUIRES:
// `environment` is of `file`.
std::vector<DesiredProject> DesiredOf(const ProvisionFile& file,
                                      const Environment& environment);

// What of `project` has to do with one organization: its members, and the
// roles and organizations that these have.
DesiredProject Only(const DesiredProject& project,
                    std::string_view organization);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_DESIRED_H_

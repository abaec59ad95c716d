// Whether what a file says fits together.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_CHECK_FILE_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_CHECK_FILE_H_

#include <string>
#include <vector>

#include "clients/pdpctl/provision/provision_file.h"

namespace pdp::provision {

// The types of members.
inline constexpr const char* kMemberTypes[] = {
    "Practitioner", "Patient", "RelatedPerson", "Bot", "ClientApplication"};

// What is wrong, each `file:line:column: ` what, and what to do: names that
// nothing has, people who cannot be invited, roles that are not for them, and
// access that would be more than was meant.
std::vector<std::string> CheckFile(const ProvisionFile& file);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_CHECK_FILE_H_

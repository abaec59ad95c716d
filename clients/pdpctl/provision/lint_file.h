// Lints the AccessPolicies of a file and the memberships that it wants, before
// anything is sent.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_LINT_FILE_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_LINT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/desired.h"
#include "clients/pdpctl/provision/provision_file.h"

namespace pdp::provision {

struct FileFindings {
  // `file:line:column: role `nurse`: resource[0].criteria: ... [rule]`.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// By the rules of docs/lint.md; remarks are left out.
absl::StatusOr<FileFindings> LintFile(
    const ProvisionFile& file, const std::vector<DesiredProject>& projects);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_LINT_FILE_H_

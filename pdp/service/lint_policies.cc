// LintPolicies of PdpAdmin.

#include <algorithm>

#include "medplum/pdp/v1/admin.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/policy/lint.h"
#include "pdp/service/admin_service.h"

namespace pdp::service {
namespace {

using policy::Severity;

static_assert(static_cast<int>(Severity::kInfo) == v1::SEVERITY_INFO);
static_assert(static_cast<int>(Severity::kWarning) == v1::SEVERITY_WARNING);
static_assert(static_cast<int>(Severity::kError) == v1::SEVERITY_ERROR);
static_assert(v1::Severity_MAX == v1::SEVERITY_ERROR);

}  // namespace

absl::Status AdminService::LintPolicies(
    const v1::LintPoliciesRequest& request,
    v1::LintPoliciesResponse& response) const {
  if (lookup_ == nullptr) {
    return absl::UnimplementedError("this server lints nothing");
  }
  PDP_ASSIGN_OR_RETURN(const std::vector<policy::LintFinding> findings,
                       policy::Lint(*lookup_, request.project()));
  for (const policy::LintFinding& finding : findings) {
    const policy::LintRuleInfo& info = InfoOf(finding.rule);
    v1::LintFinding& added = *response.add_findings();
    added.set_severity(static_cast<v1::Severity>(info.severity));
    added.set_policy(finding.subject);
    added.set_path(finding.path);
    added.set_message(finding.message);
    added.set_rule(std::string(info.id));
  }
  return absl::OkStatus();
}

}  // namespace pdp::service

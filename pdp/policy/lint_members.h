// Memberships: which policies they name, and the parameters they give.

#ifndef PDP_POLICY_LINT_MEMBERS_H_
#define PDP_POLICY_LINT_MEMBERS_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pdp/fhir/resource.h"
#include "pdp/policy/lint.h"
#include "pdp/policy/project.h"

namespace pdp::policy {

// Of an AccessPolicy, what memberships are looked at for.
struct LintedPolicy {
  std::string project;
  std::string text;  // As JSON.
  std::set<std::string, std::less<>> parameters;
};
// By `AccessPolicy/id`.
using LintedPolicies = std::map<std::string, LintedPolicy, std::less<>>;

LintedPolicy ForMembers(const fhir::Resource& policy);

// Appends the findings of `membership`, and the policies that it names to
// `used`.  `project`: its project; null where that is not known.
void LintMembership(const fhir::Resource& membership, const Project* project,
                    const LintedPolicies& policies,
                    std::set<std::string, std::less<>>& used,
                    std::vector<LintFinding>& findings);

}  // namespace pdp::policy

#endif  // PDP_POLICY_LINT_MEMBERS_H_

// Lint: what is wrong with AccessPolicies and with the memberships that name
// them, as far as it can be seen without a request: what grants more or less
// than it seems to, what breaks, what is of no use.
//
// Every finding is of one rule of a closed table (lint_rules.h).

#ifndef PDP_POLICY_LINT_H_
#define PDP_POLICY_LINT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/lint_rules.h"

namespace pdp::policy {

struct LintFinding {
  LintRule rule{};
  std::string subject;  // `AccessPolicy/id` or `ProjectMembership/id`.
  std::string path;     // `resource[2].criteria`.
  std::string message;  // What is wrong, and what to write instead.
};

// What can be seen in the text of one AccessPolicy.
std::vector<LintFinding> LintPolicy(const fhir::Resource& policy);

// More findings than these are left out.
inline constexpr size_t kMaxLintFindings = 10'000;

// All AccessPolicies and ProjectMemberships of a project (empty: of every
// project), in the order of their ids, policies first.
//
// Unavailable: they cannot be listed at the moment.
absl::StatusOr<std::vector<LintFinding>> Lint(
    const fhir::ResourceLookup& lookup, std::string_view project);

}  // namespace pdp::policy

#endif  // PDP_POLICY_LINT_H_

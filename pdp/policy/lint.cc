#include "pdp/policy/lint.h"

#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/strings.h"
#include "pdp/policy/lint_members.h"
#include "pdp/policy/lint_report.h"
#include "pdp/policy/project.h"

namespace pdp::policy {
namespace {

using Visitor = std::function<void(const fhir::ResourcePtr&)>;

absl::Status ForEach(const fhir::ResourceLookup& lookup, std::string_view type,
                     std::string_view project, const Visitor& visit) {
  const fhir::LookupState state =
      lookup.Scan(type, project, [&](const fhir::ResourcePtr& resource) {
        visit(resource);
        return true;
      });
  if (state == fhir::LookupState::kFound) return absl::OkStatus();
  return absl::UnavailableError(
      StrCat("resources of the type ", type, " cannot be listed now"));
}

void AddDefaults(const Project& project,
                 std::set<std::string, std::less<>>& used) {
  for (const PolicyReference* policy :
       {&project.default_practitioner_access_policy,
        &project.default_admin_access_policy}) {
    if (!policy->reference.empty()) used.insert(policy->reference);
  }
}

}  // namespace

absl::StatusOr<std::vector<LintFinding>> Lint(
    const fhir::ResourceLookup& lookup, std::string_view project) {
  std::vector<LintFinding> of_policies;
  std::vector<LintFinding> of_members;
  std::map<std::string, Project, std::less<>> projects;
  LintedPolicies policies;
  // Used by whom does not matter: the defaults of patients are not told apart.
  std::set<std::string, std::less<>> used;
  std::set<std::string, std::less<>> asked_for;
  absl::Status status =
      ForEach(lookup, "Project", {}, [&](const fhir::ResourcePtr& resource) {
        Project parsed = ParseProject(*resource);
        AddDefaults(parsed, used);
        projects.emplace(resource->id(), std::move(parsed));
      });
  // Members name policies of other projects, too.
  status.Update(ForEach(
      lookup, "AccessPolicy", {}, [&](const fhir::ResourcePtr& resource) {
        policies.emplace(resource->key().ToString(), ForMembers(*resource));
        if (!project.empty() && resource->project() != project) {
          return;
        }
        asked_for.insert(resource->key().ToString());
        for (LintFinding& finding : LintPolicy(*resource)) {
          of_policies.push_back(std::move(finding));
        }
      }));
  status.Update(ForEach(
      lookup, "ProjectMembership", {}, [&](const fhir::ResourcePtr& resource) {
        const auto own = projects.find(resource->project());
        std::vector<LintFinding> findings;
        LintMembership(*resource,
                       own == projects.end() ? nullptr : &own->second, policies,
                       used, findings);
        if (!project.empty() && resource->project() != project) return;
        for (LintFinding& finding : findings) {
          if (of_members.size() == kMaxLintFindings) return;
          of_members.push_back(std::move(finding));
        }
      }));
  if (!status.ok()) return status;
  for (const std::string& reference : asked_for) {
    if (used.contains(reference)) continue;
    LintReport(reference, of_policies).Add(LintRule::kPolicyUnused, "", "");
  }
  of_policies.insert(of_policies.end(),
                     std::make_move_iterator(of_members.begin()),
                     std::make_move_iterator(of_members.end()));
  if (of_policies.size() > kMaxLintFindings) {
    of_policies.resize(kMaxLintFindings);
  }
  return of_policies;
}

}  // namespace pdp::policy

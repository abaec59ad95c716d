#include "pdp/policy/subject_projects.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::policy {
namespace {

using fhir::LookupState;

void AddOnce(std::string_view project, std::vector<std::string>& projects) {
  if (project.empty()) return;
  if (std::find(projects.begin(), projects.end(), project) == projects.end()) {
    projects.emplace_back(project);
  }
}

// `meta.project` says who keeps the membership, `project` whose rules it is
// judged by.
std::optional<LookupFailure> AddProjects(std::string_view membership,
                                         const fhir::ResourceLookup& lookup,
                                         std::vector<std::string>& projects) {
  const auto key = fhir::ResourceKey::Parse(membership);
  if (!key) return std::nullopt;
  const fhir::LookupResult found = lookup.Read(*key);
  if (found.state == LookupState::kUnavailable ||
      found.state == LookupState::kPending) {
    LookupFailure failure;
    failure.status = absl::UnavailableError(
        StrCat("`", membership, "` cannot be looked up at the moment"));
    if (found.state == LookupState::kPending) failure.needed.push_back(*key);
    return failure;
  }
  if (found.resource == nullptr) return std::nullopt;
  AddOnce(found.resource->project(), projects);
  constexpr std::string_view kPrefix = "Project/";
  const auto project = fhir::Member(found.resource->root(), "project");
  if (!project) return std::nullopt;
  const std::string_view reference = fhir::StringMember(*project, "reference");
  if (reference.starts_with(kPrefix)) {
    AddOnce(reference.substr(kPrefix.size()), projects);
  }
  return std::nullopt;
}

}  // namespace

std::optional<LookupFailure> FindSubjectProjects(
    const Subject& subject, const RequestContext& context,
    const fhir::ResourceLookup& lookup, std::vector<std::string>& projects) {
  projects.clear();
  ResolvedMembership resolved;
  if (auto failure = ResolveMembership(subject, lookup, resolved)) {
    return failure;
  }
  if (auto failure = AddProjects(resolved.membership, lookup, projects)) {
    return failure;
  }
  // Whom the subject acts for is of its own project, unless it is named by its
  // membership.
  const std::string_view target = context.on_behalf_of.value_or("");
  if (projects.empty() || !target.starts_with("ProjectMembership/")) {
    return std::nullopt;
  }
  return AddProjects(target, lookup, projects);
}

}  // namespace pdp::policy

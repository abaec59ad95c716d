#include "pdp/policy/subject_projects.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/reference.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/membership.h"
#include "pdp/policy/project.h"

namespace pdp::policy {
namespace {

using fhir::LookupState;

void AddOnce(std::string_view project, std::vector<std::string>& projects) {
  if (project.empty()) return;
  if (std::find(projects.begin(), projects.end(), project) == projects.end()) {
    projects.emplace_back(project);
  }
}

// `resource` stays null where there is none.
std::optional<LookupFailure> Read(std::string_view reference,
                                  const fhir::ResourceLookup& lookup,
                                  fhir::ResourcePtr& resource) {
  resource = nullptr;
  const auto key = fhir::KeyOfReference(reference);
  if (!key) return std::nullopt;
  fhir::LookupResult found = lookup.Read(*key);
  if (found.state == LookupState::kUnavailable ||
      found.state == LookupState::kPending) {
    LookupFailure failure;
    failure.status = absl::UnavailableError(
        StrCat("`", reference, "` cannot be looked up at the moment"));
    if (found.state == LookupState::kPending) failure.needed.push_back(*key);
    return failure;
  }
  resource = std::move(found.resource);
  return std::nullopt;
}

// `meta.project` says who keeps the membership, `project` whose rules it is
// judged by.
std::optional<LookupFailure> AddProjects(std::string_view membership,
                                         const fhir::ResourceLookup& lookup,
                                         std::vector<std::string>& projects) {
  fhir::ResourcePtr resource;
  if (auto failure = Read(membership, lookup, resource)) return failure;
  if (resource == nullptr) return std::nullopt;
  AddOnce(resource->project(), projects);
  constexpr std::string_view kPrefix = "Project/";
  const auto project = fhir::Member(resource->root(), "project");
  if (!project) return std::nullopt;
  const std::string_view reference = fhir::StringMember(*project, "reference");
  if (reference.starts_with(kPrefix)) {
    AddOnce(reference.substr(kPrefix.size()), projects);
  }
  return std::nullopt;
}

std::optional<LookupFailure> AddProjectOfPolicy(
    const PolicyReference& policy, const fhir::ResourceLookup& lookup,
    std::vector<std::string>& projects) {
  fhir::ResourcePtr resource;
  if (auto failure = Read(policy.reference, lookup, resource)) return failure;
  if (resource != nullptr) AddOnce(resource->project(), projects);
  return std::nullopt;
}

// Links that lead nowhere are ignored, as Medplum does.
std::optional<LookupFailure> AddLinked(const Membership& membership,
                                       const fhir::ResourceLookup& lookup,
                                       std::vector<std::string>& projects) {
  fhir::ResourcePtr resource;
  if (auto failure = Read(membership.project, lookup, resource)) return failure;
  if (resource == nullptr || resource->type() != "Project") return std::nullopt;
  const Project project = ParseProject(*resource);
  for (const std::string& link : project.links) {
    if (auto failure = Read(link, lookup, resource)) return failure;
    if (resource != nullptr) AddOnce(resource->id(), projects);
  }
  for (const PolicyReference* policy :
       {&project.default_practitioner_access_policy,
        &project.default_admin_access_policy}) {
    if (auto failure = AddProjectOfPolicy(*policy, lookup, projects)) {
      return failure;
    }
  }
  return std::nullopt;
}

std::optional<LookupFailure> AddNamed(std::string_view reference,
                                      const fhir::ResourceLookup& lookup,
                                      std::vector<std::string>& projects) {
  fhir::ResourcePtr resource;
  if (auto failure = Read(reference, lookup, resource)) return failure;
  if (resource == nullptr) return std::nullopt;
  AddOnce(resource->project(), projects);
  const absl::StatusOr<Membership> membership = ParseMembership(*resource);
  // What cannot be read has no access.
  if (!membership.ok()) return std::nullopt;
  if (auto failure = AddLinked(*membership, lookup, projects)) return failure;
  if (membership->access_policy) {
    if (auto failure =
            AddProjectOfPolicy(*membership->access_policy, lookup, projects)) {
      return failure;
    }
  }
  for (const AccessItem& item : membership->access) {
    if (auto failure = AddProjectOfPolicy(item.policy, lookup, projects)) {
      return failure;
    }
  }
  return std::nullopt;
}

// Whom the subject acts for, where it is named by its membership: otherwise it
// is of the subject's own project.
std::string_view TargetOf(const RequestContext& context) {
  const std::string_view target = context.on_behalf_of.value_or("");
  return target.starts_with("ProjectMembership/") ? target : "";
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
  const std::string_view target = TargetOf(context);
  if (projects.empty() || target.empty()) return std::nullopt;
  return AddProjects(target, lookup, projects);
}

std::optional<LookupFailure> AddNamedProjects(
    const Subject& subject, const RequestContext& context,
    const fhir::ResourceLookup& lookup, std::vector<std::string>& projects) {
  ResolvedMembership resolved;
  if (auto failure = ResolveMembership(subject, lookup, resolved)) {
    return failure;
  }
  if (auto failure = AddNamed(resolved.membership, lookup, projects)) {
    return failure;
  }
  std::string target(context.on_behalf_of.value_or(""));
  if (target.empty()) return std::nullopt;
  if (TargetOf(context).empty()) {
    for (const std::string& project : std::vector(projects)) {
      ResolvedMembership acted_for;
      if (ResolveMembership({target, project}, lookup, acted_for)) continue;
      if (auto failure = AddNamed(acted_for.membership, lookup, projects)) {
        return failure;
      }
    }
    return std::nullopt;
  }
  return AddNamed(target, lookup, projects);
}

}  // namespace pdp::policy

#include "clients/pdpctl/provision/tenant_exit.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "pdp/base/strings.h"

namespace pdp::provision {
namespace {

using fhir::ResourcePtr;

bool Binds(const policy::AccessItem& item, std::string_view tenant) {
  return std::any_of(item.parameters.begin(), item.parameters.end(),
                     [&](const policy::Parameter& parameter) {
                       return parameter.value == tenant;
                     });
}

Step StepOf(const Observed& observed, const ResourcePtr& membership) {
  Step step{.kind = "ProjectMembership"};
  step.key = IdentifierOf(*membership, observed.system());
  step.before = membership;
  step.reference = membership->key().ToString();
  step.version = std::string(membership->version_id());
  return step;
}

// Somebody who runs the project rather than works in it, not made by
// provisioning.
bool RunsProject(const Observed& observed, const fhir::Resource& membership) {
  if (!IdentifierOf(membership, observed.system()).empty()) return false;
  const auto parsed = policy::ParseMembership(membership);
  return parsed.ok() &&
         (parsed->admin || parsed->profile.starts_with("ClientApplication/") ||
          parsed->profile.starts_with("Bot/"));
}

// Takes the tenant out of `content`.  Returns whether it is to be deleted.
bool TakeOut(const ExitOptions& options, bool is_ours,
             MembershipContent& content) {
  std::vector<policy::AccessItem> left;
  if (!options.tenant.empty()) {
    std::copy_if(
        content.access.begin(), content.access.end(), std::back_inserter(left),
        [&](const auto& item) { return !Binds(item, options.tenant); });
  }
  if (!left.empty()) {
    content.access = std::move(left);
    return false;
  }
  content.active = false;
  return options.offboard && is_ours;
}

}  // namespace

std::vector<ResourcePtr> MembersOf(const Observed& observed,
                                   std::string_view tenant) {
  std::vector<ResourcePtr> all = observed.others();
  for (const std::string& key : observed.Keys("member/")) {
    const auto found = observed.Find(key);
    all.insert(all.end(), found.begin(), found.end());
  }
  std::vector<ResourcePtr> members;
  for (const ResourcePtr& resource : all) {
    if (resource->type() != "ProjectMembership") continue;
    const auto content = observed.ContentOf(*resource);
    const bool reaches =
        !content.ok() || tenant.empty() ||
        std::any_of(content->access.begin(), content->access.end(),
                    [&](const auto& item) { return Binds(item, tenant); });
    if (reaches) members.push_back(resource);
  }
  return members;
}

std::vector<Step> PlanExit(const Observed& observed,
                           const ExitOptions& options) {
  std::vector<Step> steps;
  for (const ResourcePtr& membership : MembersOf(observed, options.tenant)) {
    if (membership->key().ToString() == options.own_membership) continue;
    if (options.tenant.empty() && !options.all_members &&
        RunsProject(observed, *membership)) {
      continue;
    }
    Step step = StepOf(observed, membership);
    const bool is_ours = !step.key.empty();
    const auto content = observed.ContentOf(*membership);
    if (!content.ok()) {
      step.action = Action::kConflict;
      step.reason =
          StrCat("cannot be read: ", ToStd(content.status().message()));
    } else if (!is_ours && !options.all_members) {
      step.action = Action::kUnmanaged;
      step.reason =
          "reaches the organization, and provisioning did not make it: add "
          "--all-members to take its access away, too";
    } else {
      MembershipContent after = *content;
      const bool is_deleted = TakeOut(options, is_ours, after);
      step.changes = Difference(MembershipLines(*content),
                                is_deleted ? Lines() : MembershipLines(after));
      step.action = is_deleted             ? Action::kDelete
                    : step.changes.empty() ? Action::kUnchanged
                                           : Action::kUpdate;
      step.widens =
          !is_deleted &&
          MembershipChangeWidens(*content, after, [&](const auto& policy) {
            return MayHoldBack(observed, policy);
          });
      step.member.key = step.key;
      step.member.content = std::move(after);
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace pdp::provision

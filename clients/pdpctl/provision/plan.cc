#include "clients/pdpctl/provision/plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::provision {
namespace {

using fhir::ResourcePtr;

std::string NameOf(const fhir::Resource& resource) {
  return std::string(fhir::StringMember(resource.root(), "name"));
}

// The e-mail address that a membership's user is shown with.
std::string UserOf(const fhir::Resource& membership) {
  const auto user = fhir::Member(membership.root(), "user");
  return std::string(user ? fhir::StringMember(*user, "display") : "");
}

Lines Added(const Lines& lines) { return Difference({}, lines); }

Lines LinesOfPolicy(const std::string& json) {
  const auto policy = fhir::Resource::Parse(json);
  return policy.ok() ? PolicyLines((*policy)->root()) : Lines();
}

Lines OrganizationLines(std::string_view title, bool active,
                        std::string_view identifier) {
  return {StrCat("name: ", title), active ? "active" : "inactive",
          StrCat("identifier: ", identifier)};
}

// Confined.
class Planner {
 public:
  Planner(const DesiredProject& desired, const Observed& observed,
          const PlanOptions& options)
      : desired_(desired), observed_(observed), options_(options) {}

  std::vector<Step> Plan() {
    for (const Role& role : desired_.roles) PlanRole(role);
    for (const Organization& one : desired_.organizations) {
      PlanOrganization(one);
    }
    for (const DesiredMember& member : desired_.members) PlanMember(member);
    if (!options_.is_partial) PlanLeftovers();
    return std::move(steps_);
  }

 private:
  // Looks for what has the key, or may be adopted; notes a conflict and returns
  // false where that cannot be told.
  bool Find(Step& step, const std::vector<ResourcePtr>& unmarked,
            bool may_adopt) {
    std::vector<ResourcePtr> found = observed_.Find(step.key);
    if (found.empty() && !unmarked.empty() && !may_adopt) {
      return Conflict(step, StrCat(unmarked.front()->key().ToString(),
                                   " is there, and provisioning did not make "
                                   "it: rename one of them, or write `adopt: "
                                   "true`"));
    }
    if (found.empty()) found = unmarked;
    if (found.size() > 1) {
      return Conflict(
          step,
          StrCat("there are several: ", found[0]->key().ToString(), " and ",
                 found[1]->key().ToString(), ": delete what is not wanted"));
    }
    if (!found.empty()) {
      step.before = found.front();
      step.reference = step.before->key().ToString();
      step.version = std::string(step.before->version_id());
    }
    return true;
  }

  bool Conflict(Step& step, std::string reason) {
    step.action = Action::kConflict;
    step.reason = std::move(reason);
    steps_.push_back(std::move(step));
    return false;
  }

  void Unmanaged(Step step, std::string reason) {
    step.action = Action::kUnmanaged;
    step.reason = std::move(reason);
    steps_.push_back(std::move(step));
  }

  // Adds the step that turns `before` into `after`.
  void AddChange(Step step, const Lines& before, const Lines& after) {
    step.changes = Difference(before, after);
    step.action = step.before == nullptr ? Action::kCreate
                  : step.changes.empty() ? Action::kUnchanged
                                         : Action::kUpdate;
    steps_.push_back(std::move(step));
  }

  void PlanRole(const Role& role) {
    Step step{.kind = "AccessPolicy", .key = RoleKey(role.name)};
    step.policy = role.policy;
    planned_.insert(StrCat("@", step.key));
    std::vector<ResourcePtr> unmarked;
    for (const ResourcePtr& other : observed_.others()) {
      if (other->type() == "AccessPolicy" &&
          NameOf(*other) == role.policy_name) {
        unmarked.push_back(other);
      }
    }
    if (!Find(step, unmarked, role.adopt)) return;
    Lines before;
    if (step.before != nullptr) before = PolicyLines(step.before->root());
    const Lines after = LinesOfPolicy(role.policy);
    const bool is_adopted = observed_.Find(step.key).empty();
    if (step.before != nullptr && is_adopted) before.emplace_back("unmarked");
    // A policy that is new gives nobody anything.
    step.widens =
        step.before != nullptr && PolicyChangeWidens(Difference(before, after));
    AddChange(std::move(step), before, after);
  }

  void PlanOrganization(const Organization& one) {
    Step step{.kind = "Organization", .key = OrganizationKey(one.name)};
    step.organization = one;
    planned_.insert(StrCat("@", step.key));
    if (!Find(step, {}, false)) return;
    const bool active = one.state != OrganizationState::kOffboarded;
    if (step.before == nullptr && !active) return;
    Lines before;
    if (step.before != nullptr) {
      before = OrganizationLines(
          NameOf(*step.before),
          fhir::BoolMember(step.before->root(), "active").value_or(true),
          IdentifierOf(*step.before, one.identifier_system));
    }
    AddChange(std::move(step), before,
              OrganizationLines(one.title, active, one.identifier_value));
  }

  void PlanMember(const DesiredMember& member) {
    if (!member.person.is_invited() && !member.is_absent) {
      if (!PlanProfile(member.person)) return;
    }
    Step step{.kind = "ProjectMembership", .key = member.key};
    step.member = member;
    if (!Find(step, Unmarked(member), member.person.adopt)) return;
    if (step.before == nullptr) {
      PlanNewMember(std::move(step));
    } else if (member.is_absent && observed_.Find(step.key).empty()) {
      Unmanaged(std::move(step),
                "its organizations are offboarded, and provisioning did not "
                "make it: offboard them with --all-members");
    } else if (member.is_absent) {
      PlanEnd(std::move(step), "its organizations are offboarded");
    } else {
      PlanChangedMember(std::move(step));
    }
  }

  // The ClientApplication or Bot of a member that has one.
  bool PlanProfile(const Person& person) {
    Step step{.kind = person.type, .key = ProfileKey(person.name)};
    step.member.person = person;
    if (planned_.contains(StrCat("@", step.key))) return true;
    planned_.insert(StrCat("@", step.key));
    std::vector<ResourcePtr> unmarked;
    for (const ResourcePtr& other : observed_.others()) {
      if (other->type() == person.type && NameOf(*other) == person.title) {
        unmarked.push_back(other);
      }
    }
    if (!Find(step, unmarked, person.adopt)) return false;
    Lines before;
    if (step.before != nullptr) {
      before = {StrCat("name: ", NameOf(*step.before))};
    }
    if (step.before != nullptr && observed_.Find(step.key).empty()) {
      before.emplace_back("unmarked");
    }
    AddChange(std::move(step), before, {StrCat("name: ", person.title)});
    return true;
  }

  // The memberships that may be the member's, made by somebody else.
  std::vector<ResourcePtr> Unmarked(const DesiredMember& member) const {
    std::vector<ResourcePtr> found;
    const Person& person = member.person;
    const std::string profile =
        observed_.ToReference(StrCat("@", ProfileKey(person.name)));
    for (const ResourcePtr& other : observed_.others()) {
      if (other->type() != "ProjectMembership") continue;
      const auto other_profile = fhir::Member(other->root(), "profile");
      const bool is_its =
          (!person.email.empty() && UserOf(*other) == person.email) ||
          (!person.external_id.empty() &&
           fhir::StringMember(other->root(), "externalId") ==
               person.external_id) ||
          (!person.is_invited() && !profile.empty() && other_profile &&
           fhir::StringMember(*other_profile, "reference") == profile);
      if (is_its) found.push_back(other);
    }
    // A further membership beside one that somebody made is no conflict.
    if (member.is_one_of_several && !person.adopt) found.clear();
    return found;
  }

  void PlanNewMember(Step step) {
    // What is not to be used is not made.
    if (step.member.is_absent || !step.member.content.active) return;
    if (!AreNamesKnown(step)) return;
    if (step.member.person.is_invited()) step.kind = "invite";
    planned_.insert(StrCat("@", ProfileKey(step.member.person.name)));
    step.widens = true;
    step.action = Action::kCreate;
    step.changes = Added(MembershipLines(step.member.content));
    steps_.push_back(std::move(step));
  }

  void PlanChangedMember(Step step) {
    if (!AreNamesKnown(step)) return;
    planned_.insert(StrCat("@", ProfileKey(step.member.person.name)));
    const auto content = observed_.ContentOf(*step.before);
    if (!content.ok()) {
      Conflict(step, StrCat(step.reference, " cannot be read: ",
                            ToStd(content.status().message())));
      return;
    }
    MembershipContent& wanted = step.member.content;
    const bool is_foreign = KeepForeign(*content, wanted);
    Lines before = MembershipLines(*content);
    const Lines after = MembershipLines(wanted);
    step.widens = MembershipChangeWidens(
        *content, wanted, [this](const std::string& policy) {
          return MayHoldBack(observed_, policy);
        });
    if (observed_.Find(step.key).empty()) before.emplace_back("unmarked");
    const std::string reference = step.reference;
    AddChange(std::move(step), before, after);
    if (is_foreign) {
      Step note{.kind = "ProjectMembership", .key = steps_.back().key};
      note.reference = reference;
      Unmanaged(std::move(note),
                "it has access that is not in the file: add it there, or take "
                "it away with --prune");
    }
  }

  // Keeps what was given by somebody else, unless it is to be pruned.  Returns
  // whether there is any.
  bool KeepForeign(const MembershipContent& has,
                   MembershipContent& wanted) const {
    if (options_.prune) return false;
    bool is_foreign = !has.access_policy.empty();
    wanted.access_policy = has.access_policy;
    for (const policy::AccessItem& item : has.access) {
      if (item.policy.reference.starts_with("@")) continue;
      is_foreign = true;
      wanted.access.push_back(item);
    }
    return is_foreign;
  }

  void PlanEnd(Step step, std::string reason) {
    step.action = Action::kDelete;
    step.reason = std::move(reason);
    const auto content = observed_.ContentOf(*step.before);
    if (content.ok()) step.changes = Difference(MembershipLines(*content), {});
    steps_.push_back(std::move(step));
  }

  // What provisioning made, and the file does not have any more.
  void PlanLeftovers() {
    std::set<std::string> wanted;
    for (const DesiredMember& member : desired_.members) {
      wanted.insert(member.key);
    }
    for (const std::string& key : observed_.Keys("member/")) {
      if (wanted.contains(key)) continue;
      for (const ResourcePtr& resource : observed_.Find(key)) {
        Step step{.kind = "ProjectMembership", .key = key};
        step.before = resource;
        step.reference = resource->key().ToString();
        step.version = std::string(resource->version_id());
        if (options_.prune) {
          PlanEnd(std::move(step), "it is not in the file");
        } else {
          Unmanaged(std::move(step),
                    "it is not in the file: add it there, or delete it with "
                    "--prune");
        }
      }
    }
    for (const std::string& key : observed_.Keys("role/")) {
      if (planned_.contains(StrCat("@", key))) continue;
      Step step{.kind = "AccessPolicy", .key = key};
      step.reference = observed_.Find(key).front()->key().ToString();
      Unmanaged(std::move(step),
                "it is not in the file: add it there, or delete it at Medplum "
                "once no membership names it");
    }
  }

  // Whether each name that the member's access has is there or being made.
  bool AreNamesKnown(Step& step) {
    for (const policy::AccessItem& item : step.member.content.access) {
      if (!IsKnown(item.policy.reference)) {
        return Unknown(step, item.policy.reference);
      }
      for (const policy::Parameter& parameter : item.parameters) {
        if (parameter.is_reference && !IsKnown(parameter.value)) {
          return Unknown(step, parameter.value);
        }
      }
    }
    return true;
  }

  bool IsKnown(const std::string& name) const {
    return planned_.contains(name) || !observed_.ToReference(name).empty();
  }

  bool Unknown(Step& step, std::string_view name) {
    return Conflict(step, StrCat("there is no ", name,
                                 " yet, and nothing "
                                 "makes it: apply the whole file first"));
  }

  const DesiredProject& desired_;
  const Observed& observed_;
  const PlanOptions options_;
  std::set<std::string> planned_;  // Names that will be known.
  std::vector<Step> steps_;
};

}  // namespace

bool MayHoldBack(const Observed& observed, const std::string& policy) {
  if (!policy.starts_with("@")) return true;  // Not looked into.
  const auto found = observed.Find(policy.substr(1));
  return std::any_of(found.begin(), found.end(), [](const ResourcePtr& one) {
    return HoldsBack(one->json());
  });
}

std::vector<Step> MakePlan(const DesiredProject& desired,
                           const Observed& observed,
                           const PlanOptions& options) {
  return Planner(desired, observed, options).Plan();
}

bool HasChanges(const std::vector<Step>& plan) {
  return std::any_of(plan.begin(), plan.end(),
                     [](const Step& step) { return step.is_to_be_done(); });
}

bool HasConflicts(const std::vector<Step>& plan) {
  return std::any_of(plan.begin(), plan.end(), [](const Step& step) {
    return step.action == Action::kConflict;
  });
}

std::string_view ActionName(Action action) {
  switch (action) {
    case Action::kUnchanged:
      return "unchanged";
    case Action::kCreate:
      return "create";
    case Action::kUpdate:
      return "update";
    case Action::kDelete:
      return "delete";
    case Action::kUnmanaged:
      return "unmanaged";
    case Action::kConflict:
      return "conflict";
  }
  return "";
}

std::string TargetOf(const Step& step) {
  if (step.key.empty()) return step.reference;
  return StrCat(step.kind, " ", step.key.substr(step.key.find('/') + 1));
}

}  // namespace pdp::provision

// What has to be done at a server so that it has what a file wants: the core of
// provisioning, which neither asks nor changes anything itself.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_PLAN_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clients/pdpctl/provision/content.h"
#include "clients/pdpctl/provision/desired.h"
#include "clients/pdpctl/provision/observed.h"

namespace pdp::provision {

enum class Action : uint8_t {
  kUnchanged,
  kCreate,
  kUpdate,
  kDelete,
  // Nothing is done, and `reason` says what to do: there is something that is
  // not in the file, or that provisioning did not make.
  kUnmanaged,
  kConflict,  // Nothing can be done, of the whole plan: `reason` says why.
};

struct Step {
  Action action = Action::kUnchanged;
  // `AccessPolicy`, `Organization`, `ClientApplication`, `Bot`, `invite` (a
  // User, a profile and a ProjectMembership), `ProjectMembership` or `accounts`
  // (of any resource).
  std::string kind;
  std::string key;
  // What is there: its reference, version and content; empty, null: nothing.
  std::string reference;
  std::string version;
  fhir::ResourcePtr before;
  Lines changes;
  bool widens = false;  // Somebody may be able to do more than before.
  std::string reason;
  // What it becomes, in the names of the file; each with its own kind.
  std::string policy;
  Organization organization;
  DesiredMember member;
  // Of kind `accounts`: all that the resource is to have.
  std::vector<std::string> accounts;
  bool propagate = false;  // Also to what is about the Patient.

  bool is_to_be_done() const {
    return action == Action::kCreate || action == Action::kUpdate ||
           action == Action::kDelete;
  }
};

struct PlanOptions {
  // Deletes memberships that provisioning made and the file does not have, and
  // access that it did not give.
  bool prune = false;
  // Something else than the whole of a file: what is not in it is not missed.
  bool is_partial = false;
};

// The steps, in the order in which they have to be done, those that have
// nothing to do included.
std::vector<Step> MakePlan(const DesiredProject& desired,
                           const Observed& observed,
                           const PlanOptions& options);

// Whether the policy, as access items name it, may hide, protect, constrain or
// block: what loses it may be able to do more.
bool MayHoldBack(const Observed& observed, const std::string& policy);

bool HasChanges(const std::vector<Step>& plan);
bool HasConflicts(const std::vector<Step>& plan);

std::string_view ActionName(Action action);  // "create".

// `AccessPolicy role/nurse` or, without a key, `ProjectMembership/id`.
std::string TargetOf(const Step& step);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_PLAN_H_

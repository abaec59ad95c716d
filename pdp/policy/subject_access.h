// SubjectAccess: all that is known of a subject before a resource is looked at:
// the membership, the projects it reaches, its bound policy; or why it has no
// access at all (semantics S-1, S-2).
//
// Immutable, built on demand and cached by the DecisionPoint.

#ifndef PDP_POLICY_SUBJECT_ACCESS_H_
#define PDP_POLICY_SUBJECT_ACCESS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "pdp/base/clock.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/project.h"
#include "pdp/policy/request.h"
#include "pdp/policy/session_rules.h"
#include "pdp/policy/tenants.h"

namespace pdp::policy {

struct PermittedProject {
  std::string id;
  std::vector<std::string> exported_types;  // Empty: all.
};

struct SubjectAccess {
  std::string membership;  // `ProjectMembership/id`.
  std::string profile;     // The caller's own, also under on-behalf-of.
  bool rules_by_super_admin = false;  // The login's project is a super admin's.
  std::string on_behalf_of_profile;   // Empty without on-behalf-of.
  Project project;                    // That of the deciding membership.
  bool super_admin = false;
  bool project_admin = false;
  // The own project first, then the readable linked ones, then the base
  // definitions.
  std::vector<PermittedProject> projects;
  std::shared_ptr<const BoundPolicy> policy;  // Null where denied.
  std::optional<Denial> denial;
  std::vector<std::string> tenants;
  // Those that the request is narrowed to; none: no narrowing.
  std::vector<std::string> active_tenants;
  // What the membership names, in order.
  std::vector<PolicyGrant> grants;
  // Of the caller; under on-behalf-of those of whoever acts.
  SessionRules session_rules;
  // Who this is, as references: membership, user, profile and project; then
  // the same of the caller that acts on behalf.
  std::vector<std::string> names;
  std::vector<std::string> own_tenants;  // `tenants`, and the caller's.
  // What this was built from: when one of them changes, it is built anew.
  std::vector<fhir::ResourceKey> dependencies;

  // S-6: whether some entry grants `interaction` on `type` at all.
  bool Supports(fhir::Interaction interaction, std::string_view type) const;

  // S-7: the projects whose resources of `type` may be read.
  bool MayReadProject(std::string_view project, std::string_view type) const;
  // The ids of those projects; for a super admin every project is permitted and
  // the list means nothing.
  std::vector<std::string> ReadableProjects(std::string_view type) const;
};

// How looking facts up ended early.
struct LookupFailure {
  absl::Status status;                    // Unavailable or InvalidArgument.
  std::vector<fhir::ResourceKey> needed;  // Not empty: pending.
};

// Keeps compiled AccessPolicies between bindings, and shares what is bound from
// equal inputs.  Thread-safe.
class PolicyCache {
 public:
  virtual ~PolicyCache() = default;
  // Bind(input).
  virtual BindResult Bind(const BindInput& input) = 0;
  // The compiled form of `resource`, an AccessPolicy.
  virtual absl::StatusOr<std::shared_ptr<const CompiledPolicy>> Get(
      const fhir::ResourcePtr& resource) = 0;
};

struct SubjectAccessOptions {
  Mode mode = Mode::kStrict;
  ParameterSemantics parameter_semantics = ParameterSemantics::kDocumented;
  std::vector<std::string> tenant_parameters = {
      "organization", "current_organization", "healthcare_service",
      "care_team"};
  ConfiguredSessionRules session_rules;
  const Clock* clock = &Clock::Real();  // For session rules.
  // As DecisionPointOptions::keeps_project.
  std::function<bool(std::string_view project)> keeps_project;

  bool Keeps(std::string_view project) const {
    return !keeps_project || keeps_project(project);
  }
};

// The membership that `subject` is.
//
// `membership` stays empty where there is none (then `deleted` tells whether
// there was one).
struct ResolvedMembership {
  std::string membership;  // `ProjectMembership/id`.
  bool deleted = false;
};
std::optional<LookupFailure> ResolveMembership(
    const Subject& subject, const fhir::ResourceLookup& lookup,
    ResolvedMembership& result);

// Nothing is decided of a project that is not kept.
LookupFailure NotKept(std::string_view project);

// Builds the access of `membership` under what `context` says of scope, launch
// and tenants.  With `caller`, that of a member on whose behalf the caller acts
// (semantics S-1): the member's policies and admin flag, the caller's scope.
std::optional<LookupFailure> BuildSubjectAccess(
    std::string_view membership, const RequestContext& context,
    const SubjectAccess* caller, const SubjectAccessOptions& options,
    const fhir::ResourceLookup& lookup, PolicyCache& policies,
    SubjectAccess& access);

// Whether the policy's IP rules let the request pass (semantics S-1).
std::optional<Denial> CheckAddress(const SubjectAccess& access,
                                   const RequestContext& context, Mode mode);

}  // namespace pdp::policy

#endif  // PDP_POLICY_SUBJECT_ACCESS_H_

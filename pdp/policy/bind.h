// Bind: AccessPolicies × a membership → a BoundPolicy (semantics S-2, S-3).
//
// Pure: everything that is needed comes in, nothing is looked up.

#ifndef PDP_POLICY_BIND_H_
#define PDP_POLICY_BIND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/compile.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/membership.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/project.h"

namespace pdp::policy {

// An AccessPolicy as it is kept: parsed once, its entries compiled as far as
// they do not depend on a membership.  Immutable.
struct CompiledPolicy {
  uint64_t serial = 0;  // Another for each compilation in this process.
  AccessPolicy policy;
  std::string json;  // The whole text, for parameters that are not plain.
  // For each entry of `policy`; null where it mentions parameters.
  std::vector<std::shared_ptr<const CompiledEntry>> entries;
  bool mentions_parameters = false;
};

// InvalidArgument: not an AccessPolicy.
absl::StatusOr<std::shared_ptr<const CompiledPolicy>> CompilePolicy(
    const fhir::Resource& resource);

// Why a subject has no policy, or a request no decision but DENY.
struct Denial {
  Reason reason = Reason::kInternal;
  std::string message;
  uint16_t medplum_http_status = 0;
  StrictRule strict_rule = StrictRule::kUnspecified;
  // What a login or token request is answered; 0: the same.
  uint16_t login_http_status = 0;
};

// One AccessPolicy that a membership names, with the parameters it gives.
struct PolicyUse {
  std::shared_ptr<const CompiledPolicy> policy;
  std::vector<Parameter> parameters;  // The access item's own.
  uint32_t source = 0;                // 0: accessPolicy; 1 + i: access[i].
  bool is_foreign = false;  // Of a project that is neither own nor linked.
  std::string based_on;  // The Reference by which it is named; empty: a plain
                         // one.
};

// The tenants that a request is narrowed to.
struct TenantNarrowing {
  std::vector<std::string> parameters;  // Names that bind tenants.
  std::vector<std::string> active;      // References; empty: no narrowing.
  ParameterSemantics parameter_semantics = ParameterSemantics::kDocumented;
};

struct BindInput {
  std::vector<PolicyUse> uses;  // accessPolicy first, then access[] in order.
  std::string_view profile;     // `Practitioner/id`.
  // The membership names no policy at all.
  bool names_no_policy = false;
  bool admin = false;
  bool super_admin = false;     // The login's project is one of super admins.
  std::string_view project_id;  // The membership's project.
  std::optional<std::string_view> smart_scope;
  std::string_view patient_context;  // `Patient/id`; empty for none.
  const TenantNarrowing* tenants = nullptr;
  Mode mode = Mode::kStrict;
  ParameterSemantics parameter_semantics = ParameterSemantics::kDocumented;
};

struct BindResult {
  std::shared_ptr<const BoundPolicy> policy;  // Null where denied.
  std::optional<Denial> denial;
};

BindResult Bind(const BindInput& input);

// Which default policy stands in for the one that the membership names
// (semantics S-2), or `access_policy` itself.
const PolicyReference& ReconciledAccessPolicy(
    const Project& project, bool admin, const PolicyReference& access_policy);

}  // namespace pdp::policy

#endif  // PDP_POLICY_BIND_H_

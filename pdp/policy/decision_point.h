// DecisionPoint: the whole of deciding, free of any transport.
//
// Thread-safe.  Nothing here waits: what would have to be fetched first ends a
// call as pending, with the list of what is needed; the caller gets it and asks
// again.

#ifndef PDP_POLICY_DECISION_POINT_H_
#define PDP_POLICY_DECISION_POINT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/blocks.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/describe_access.h"
#include "pdp/policy/findings.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/policy/session_rules.h"

namespace pdp::policy {

struct Explanation;

struct DecisionPointOptions {
  Mode mode = Mode::kStrict;
  // Mode::kParity implies kServer.
  ParameterSemantics parameter_semantics = ParameterSemantics::kDocumented;
  // Bound policies kept for reuse, of each mode; the least recently used go
  // first.
  size_t max_bound_policies = 10'000;
  // Whether the project with this id is kept in step with its source.  Of what
  // is left of another nothing is decided: Unavailable.  Empty: each is.
  std::function<bool(std::string_view project)> keeps_project;
  // The parameters of access items that bind tenants; empty: the default ones.
  std::vector<std::string> tenant_parameters;
  ConfiguredSessionRules session_rules;
  const Clock* clock = &Clock::Real();  // For session rules.
};

// How a call ended.
struct Outcome {
  // OK: the answer is filled in.
  // InvalidArgument: the request is malformed, or its subject ambiguous (then
  // the message begins with `AMBIGUOUS_SUBJECT` and names the candidates).
  // Unavailable: facts are missing; see `needed`.
  absl::Status status;
  // With Unavailable: what must be fetched before the call is made again.
  // Empty: nothing would help; there is no decision.
  std::vector<fhir::ResourceKey> needed;
  // When a session rule ends the session: the answer holds no longer.
  absl::Time session_ends = absl::InfiniteFuture();
  // Whom and what it was about, as far as that is known.
  Findings found = {};

  bool decided() const { return status.ok(); }
  bool pending() const { return !needed.empty(); }
};

// Counts since start, for metrics.
struct DecisionPointStatistics {
  uint64_t bound_policy_hits = 0;
  uint64_t bound_policy_misses = 0;
  uint64_t bound_policies = 0;  // Held now.
  uint64_t compiled_policies = 0;
  uint64_t compiles = 0;  // Since start, as are the next.
  uint64_t refused_compiles = 0;
  uint64_t blocks = 0;  // In force now.
};

class DecisionPoint {
 public:
  // `lookup` must outlive the DecisionPoint.
  DecisionPoint(const fhir::ResourceLookup& lookup,
                const DecisionPointOptions& options);
  ~DecisionPoint();
  DecisionPoint(const DecisionPoint&) = delete;
  DecisionPoint& operator=(const DecisionPoint&) = delete;

  // Fills in `decision`.  A decision that is not a permit is a denial with its
  // reason, unknown subjects included.
  Outcome Decide(const AccessRequest& request, Decision& decision) const;

  // Fills in `answer`.
  Outcome Filter(const FilterRequest& request, FilterAnswer& answer) const;

  // Decide, and why (explain.h).  Not for the hot path.
  Outcome Explain(const AccessRequest& request, Explanation& explanation) const;

  // What the answer is or would be in `mode`, with the parameter semantics of
  // the options.
  Outcome DecideIn(Mode mode, const AccessRequest& request,
                   Decision& decision) const;
  Outcome FilterIn(Mode mode, const FilterRequest& request,
                   FilterAnswer& answer) const;

  // `ProjectMembership/id` of a subject; empty where there is not exactly one,
  // or it cannot be told now.
  std::string MembershipOf(const Subject& subject) const;

  // The effective AccessPolicy of a subject as JSON, as Medplum's `/auth/me`
  // shows it, and in `denial` (reason, message, status) why the subject has
  // none: then the JSON is empty.
  struct EffectivePolicy {
    std::string json;
    std::string membership;  // `ProjectMembership/id`.
    std::string project;     // `Project/id`.
    std::string profile;
    std::vector<TypeAccess> types;
    std::vector<TenantDescription> tenants;
    std::vector<RoleDescription> roles;
    Decision denial;
  };
  Outcome DescribeEffectivePolicy(const Subject& subject,
                                  const RequestContext& context,
                                  EffectivePolicy& answer) const;

  // Denies, from now on, by `blocks` alone (null: by none).  Invalidate is to
  // be called after it, with the revision that the change of blocks has.
  void Publish(std::shared_ptr<const BlockSet> blocks);

  // Called after `changed` was committed at `revision`, in the order of
  // revisions: forgets what was derived from these resources.  A lower revision
  // than one before it forgets, and leaves the revision.
  void Invalidate(uint64_t revision,
                  std::span<const fhir::ResourceKey> changed);

  // A decision point with the options, the blocks and the revision of this one,
  // and nothing else of it: for what is not to leave a trace here.  `lookup`
  // must outlive it.
  std::unique_ptr<DecisionPoint> CopyOver(
      const fhir::ResourceLookup& lookup) const;

  uint64_t revision() const;
  const DecisionPointOptions& options() const;
  DecisionPointStatistics statistics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_DECISION_POINT_H_

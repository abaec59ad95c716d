#include "pdp/service/shadow.h"

#include <utility>

#include "absl/time/clock.h"
#include "medplum/pdp/v1/admin.pb.h"
#include "pdp/policy/departure.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

using policy::Effect;
using policy::Mode;
using policy::StrictRule;

bool IsDifferent(const ShadowedAnswer& a, const ShadowedAnswer& b) {
  if (a.effect == Effect::kDeny && b.effect == Effect::kDeny) return false;
  // A Filter that finds less has the same effect; only its rule tells.
  return a.departure != b.departure || a.effect != b.effect ||
         a.hidden_fields != b.hidden_fields;
}

}  // namespace

ShadowedAnswer Shadowed(const policy::Decision& decision) {
  size_t hidden = decision.hidden_fields.size();
  for (const policy::VersionFields& version : decision.versions) {
    hidden += version.hidden_fields.size();
  }
  return {.effect = decision.effect,
          .departure = policy::DepartureOf(decision.notes),
          .hidden_fields = hidden,
          .revision = decision.revision};
}

ShadowedAnswer Shadowed(const policy::FilterAnswer& answer) {
  const bool permits = answer.kind == policy::FilterKind::kAlwaysPermitted ||
                       answer.kind == policy::FilterKind::kConditional;
  return {.effect = !permits ? Effect::kDeny
                    : answer.hidden_fields.empty()
                        ? Effect::kPermit
                        : Effect::kPermitWithObligations,
          .departure = policy::DepartureOf(answer.notes),
          .hidden_fields = permits ? answer.hidden_fields.size() : 0,
          .revision = answer.revision};
}

Shadow::Shadow(const policy::DecisionPoint& decision_point)
    : decision_point_(decision_point),
      mode_(decision_point.options().mode == Mode::kStrict ? Mode::kParity
                                                           : Mode::kStrict) {}

void Shadow::Compare(const policy::AccessRequest& request,
                     const ShadowedAnswer& answer) {
  policy::Decision decision;
  if (!decision_point_.DecideIn(mode_, request, decision).decided()) {
    Count(Result::kUndecided);
    return;
  }
  Count(answer, Shadowed(decision), request.subject, request.interaction,
        request.resource.judged_type());
}

void Shadow::Compare(const policy::FilterRequest& request,
                     const ShadowedAnswer& answer) {
  policy::FilterAnswer shadow;
  if (!decision_point_.FilterIn(mode_, request, shadow).decided()) {
    Count(Result::kUndecided);
    return;
  }
  Count(answer, Shadowed(shadow), request.subject, fhir::Interaction::kSearch,
        request.resource_type);
}

void Shadow::Count(const ShadowedAnswer& answer, const ShadowedAnswer& shadow,
                   const policy::Subject& subject,
                   fhir::Interaction interaction,
                   std::string_view resource_type) {
  if (answer.revision != shadow.revision) {
    Count(Result::kUndecided);
    return;
  }
  if (!IsDifferent(answer, shadow)) {
    Count(Result::kSame);
    return;
  }
  Count(Result::kDifferent);
  const StrictRule rule =
      mode_ == Mode::kStrict ? shadow.departure : answer.departure;
  differences_.Add(Cell(rule, answer.effect, shadow.effect));
  Example example{.interaction = interaction,
                  .resource_type = std::string(resource_type),
                  .membership = decision_point_.MembershipOf(subject),
                  .at = absl::Now(),
                  .effect = answer.effect,
                  .shadow_effect = shadow.effect};
  MutexLock lock(mutex_);
  examples_[static_cast<size_t>(rule)] = std::move(example);
}

void Shadow::Describe(v1::ShadowStatus& status) const {
  status.set_mode(static_cast<v1::Mode>(mode_));
  status.set_undecided(decisions(Result::kUndecided));
  status.set_decisions(decisions(Result::kSame) +
                       decisions(Result::kDifferent));
  for (size_t r = 0; r < policy::kStrictRules; ++r) {
    const auto rule = static_cast<StrictRule>(r);
    uint64_t count = 0;
    for (size_t e = 0; e < kEffects * kEffects; ++e) {
      count += differences(rule, static_cast<Effect>(e / kEffects),
                           static_cast<Effect>(e % kEffects));
    }
    if (count == 0) continue;
    v1::ShadowDifference& difference = *status.add_differences();
    difference.set_strict_rule(static_cast<v1::StrictRule>(rule));
    difference.set_count(count);
    MutexLock lock(mutex_);
    const Example& example = examples_[r];
    if (example.at == absl::InfinitePast()) continue;
    v1::ShadowExample& last = *difference.mutable_last();
    last.set_interaction(static_cast<v1::Interaction>(example.interaction));
    last.set_resource_type(example.resource_type);
    last.set_membership(example.membership);
    last.set_effect(static_cast<v1::Effect>(example.effect));
    last.set_shadow_effect(static_cast<v1::Effect>(example.shadow_effect));
    WriteTimestamp(example.at, *last.mutable_at());
  }
}

}  // namespace pdp::service

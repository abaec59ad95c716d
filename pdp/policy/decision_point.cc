#include "pdp/policy/decision_point.h"

#include <atomic>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/policy/access_finder.h"
#include "pdp/policy/compiled_policies.h"
#include "pdp/policy/decider.h"
#include "pdp/policy/departure.h"
#include "pdp/policy/explain.h"
#include "pdp/policy/filter.h"
#include "pdp/policy/subject_access.h"
#include "pdp/policy/trace.h"

namespace pdp::policy {
namespace {

// How often a decision is made anew when the data changed underneath it.
constexpr int kMaxAttempts = 4;

DecisionPointOptions Effective(DecisionPointOptions options) {
  if (options.mode == Mode::kParity) {
    options.parameter_semantics = ParameterSemantics::kServer;
  }
  return options;
}

SubjectAccessOptions AccessOptions(Mode mode,
                                   const DecisionPointOptions& options) {
  SubjectAccessOptions access;
  access.mode = mode;
  access.parameter_semantics = options.parameter_semantics;
  access.keeps_project = options.keeps_project;
  if (!options.tenant_parameters.empty()) {
    access.tenant_parameters = options.tenant_parameters;
  }
  access.session_rules = options.session_rules;
  access.clock = options.clock;
  return access;
}

// Medplum's status of a denial by a strict rule is left to Reconcile().
void ApplyDenial(const Denial& denial, const RequestContext& context,
                 Decision& decision) {
  decision.effect = Effect::kDeny;
  decision.reason = denial.reason;
  decision.message = denial.message;
  const bool is_login = context.authentication == Authentication::kLogin &&
                        denial.login_http_status != 0;
  decision.medplum_http_status =
      is_login ? denial.login_http_status : denial.medplum_http_status;
  if (denial.strict_rule == StrictRule::kUnspecified) return;
  decision.medplum_http_status = 0;
  decision.notes.push_back({.code = NoteCode::kStrictRule,
                            .strict_rule = denial.strict_rule,
                            .text = {}});
}

Trace* Renew(std::unique_ptr<Trace>* trace) {
  if (trace == nullptr) return nullptr;
  *trace = std::make_unique<Trace>();
  return trace->get();
}

Outcome Missing(LookupFailure failure, Outcome outcome) {
  outcome.status = std::move(failure.status);
  outcome.needed = std::move(failure.needed);
  return outcome;
}

}  // namespace

class DecisionPoint::Impl {
 public:
  Impl(const fhir::ResourceLookup& lookup, const DecisionPointOptions& options)
      : lookup_(lookup),
        options_(Effective(options)),
        parity_(AccessOptions(Mode::kParity, options_),
                options_.max_bound_policies, lookup, policies_, blocks_),
        strict_(AccessOptions(Mode::kStrict, options_),
                options_.max_bound_policies, lookup, policies_, blocks_) {}

  // By one mode alone: a strict decision still names every rule it used.
  // `trace` may be null.
  Outcome DecideAlone(Mode mode, const AccessRequest& request,
                      Decision& decision, Trace* trace) const {
    decision = Decision();
    std::shared_ptr<const SubjectAccess> access;
    Denial denial;
    Outcome outcome;
    if (auto failure =
            FinderOf(mode).Find(request.subject, request.context, access,
                                denial, outcome.session_ends, outcome.found)) {
      return Missing(*std::move(failure), std::move(outcome));
    }
    if (access == nullptr) {
      ApplyDenial(denial, request.context, decision);
      return outcome;
    }
    thread_local fhir::fhirpath::Scratch scratch;
    scratch.Reset();
    if (trace != nullptr) trace->Begin(access, lookup_);
    Decider decider(*access, request, lookup_, mode, scratch, decision, trace);
    if (auto failure = decider.Decide())
      return Missing(*std::move(failure), std::move(outcome));
    outcome.found.resource = decider.TakeResource();
    return outcome;
  }

  // `trace`, where it is not null, becomes that of the run whose answer it is.
  Outcome Decide(Mode mode, const AccessRequest& request, Decision& decision,
                 std::unique_ptr<Trace>* trace = nullptr) const {
    Outcome outcome = DecideAlone(mode, request, decision, Renew(trace));
    if (mode == Mode::kParity || !outcome.decided()) return outcome;
    const StrictRule suspected = SuspectedRule(decision, request.interaction,
                                               request.resource.judged_type());
    if (suspected == StrictRule::kUnspecified) return outcome;
    Decision medplum;
    std::unique_ptr<Trace> medplum_trace;
    Outcome reference =
        DecideAlone(Mode::kParity, request, medplum,
                    trace == nullptr ? nullptr : Renew(&medplum_trace));
    if (reference.decided()) {
      const bool is_medplums = Reconcile(
          std::move(medplum), request.interaction, suspected, decision);
      if (is_medplums && trace != nullptr) trace->swap(medplum_trace);
      return outcome;
    }
    if (reference.pending() || decision.permitted()) return reference;
    LeaveMedplumOpen(decision.notes, decision.medplum_http_status);
    return outcome;
  }

  Outcome FilterAlone(Mode mode, const FilterRequest& request,
                      FilterAnswer& answer,
                      std::shared_ptr<const SubjectAccess>& access) const {
    answer = FilterAnswer();
    Denial denial;
    Outcome outcome;
    if (auto failure =
            FinderOf(mode).Find(request.subject, request.context, access,
                                denial, outcome.session_ends, outcome.found)) {
      return Missing(*std::move(failure), std::move(outcome));
    }
    if (access == nullptr) {
      Decision decision;
      ApplyDenial(denial, request.context, decision);
      answer.reason = decision.reason;
      answer.message = std::move(decision.message);
      answer.medplum_http_status = decision.medplum_http_status;
      answer.notes = std::move(decision.notes);
      return outcome;
    }
    answer.notes = access->policy->notes();
    BuildFilter(*access, request, mode, answer);
    return outcome;
  }

  Outcome Filter(Mode mode, const FilterRequest& request,
                 FilterAnswer& answer) const {
    std::shared_ptr<const SubjectAccess> access;
    Outcome outcome = FilterAlone(mode, request, answer, access);
    if (mode == Mode::kParity || !outcome.decided()) return outcome;
    const std::vector<StrictRule> suspected = SuspectedRules(
        answer, access == nullptr ? nullptr : access->policy.get(),
        request.resource_type);
    if (suspected.empty()) return outcome;
    FilterAnswer medplum;
    access = nullptr;
    Outcome reference = FilterAlone(Mode::kParity, request, medplum, access);
    if (reference.decided()) {
      Reconcile(std::move(medplum), suspected, answer);
      return outcome;
    }
    if (reference.pending() || answer.kind != FilterKind::kAlwaysDenied) {
      return reference;
    }
    LeaveMedplumOpen(answer.notes, answer.medplum_http_status);
    return outcome;
  }

  Outcome Describe(Mode mode, const Subject& subject,
                   const RequestContext& context,
                   EffectivePolicy& answer) const {
    answer = EffectivePolicy();
    std::shared_ptr<const SubjectAccess> access;
    Denial denial;
    Outcome outcome;
    if (auto failure =
            FinderOf(mode).Find(subject, context, access, denial,
                                outcome.session_ends, outcome.found)) {
      return Missing(*std::move(failure), std::move(outcome));
    }
    if (access == nullptr) {
      ApplyDenial(denial, context, answer.denial);
      return outcome;
    }
    answer.denial.reason = Reason::kPermitted;
    answer.denial.medplum_http_status = 200;
    answer.json = access->policy->ToJson();
    answer.membership = access->membership;
    answer.project = StrCat("Project/", access->project.id);
    answer.profile = access->profile;
    answer.types = DescribeTypes(*access);
    answer.tenants = DescribeTenants(*access);
    answer.roles = DescribeRoles(*access);
    return outcome;
  }

  // Calls `decide` until the data did not change underneath it.
  template <typename Decide>
  Outcome AtOneRevision(uint64_t& revision, Decide&& decide) const {
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      revision = revision_.load(std::memory_order_acquire);
      Outcome outcome = decide();
      if (revision_.load(std::memory_order_acquire) == revision) {
        return outcome;
      }
    }
    return {absl::UnavailableError("the data keeps changing; ask again"), {}};
  }

  AccessFinder& FinderOf(Mode mode) const {
    return mode == Mode::kParity ? parity_ : strict_;
  }

  const fhir::ResourceLookup& lookup_;
  const DecisionPointOptions options_;
  mutable CompiledPolicies policies_;
  PublishedBlocks blocks_;
  // That of the other mode stays empty until it is asked for.
  mutable AccessFinder parity_;
  mutable AccessFinder strict_;
  std::atomic<uint64_t> revision_{0};
};

DecisionPoint::DecisionPoint(const fhir::ResourceLookup& lookup,
                             const DecisionPointOptions& options)
    : impl_(std::make_unique<Impl>(lookup, options)) {}

DecisionPoint::~DecisionPoint() = default;

Outcome DecisionPoint::Decide(const AccessRequest& request,
                              Decision& decision) const {
  return DecideIn(impl_->options_.mode, request, decision);
}

Outcome DecisionPoint::DecideIn(Mode mode, const AccessRequest& request,
                                Decision& decision) const {
  uint64_t revision = 0;
  Outcome outcome = impl_->AtOneRevision(
      revision, [&] { return impl_->Decide(mode, request, decision); });
  decision.revision = revision;
  return outcome;
}

Outcome DecisionPoint::Explain(const AccessRequest& request,
                               Explanation& explanation) const {
  uint64_t revision = 0;
  Outcome outcome = impl_->AtOneRevision(revision, [&] {
    explanation = Explanation();
    std::unique_ptr<Trace> trace;
    Outcome decided = impl_->Decide(impl_->options_.mode, request,
                                    explanation.decision, &trace);
    if (decided.decided()) {
      ExplainDecision(request, *trace, impl_->lookup_, explanation);
    }
    return decided;
  });
  explanation.decision.revision = revision;
  return outcome;
}

Outcome DecisionPoint::Filter(const FilterRequest& request,
                              FilterAnswer& answer) const {
  return FilterIn(impl_->options_.mode, request, answer);
}

Outcome DecisionPoint::FilterIn(Mode mode, const FilterRequest& request,
                                FilterAnswer& answer) const {
  uint64_t revision = 0;
  Outcome outcome = impl_->AtOneRevision(
      revision, [&] { return impl_->Filter(mode, request, answer); });
  answer.revision = revision;
  return outcome;
}

std::string DecisionPoint::MembershipOf(const Subject& subject) const {
  ResolvedMembership resolved;
  if (ResolveMembership(subject, impl_->lookup_, resolved)) return {};
  return resolved.membership;
}

Outcome DecisionPoint::DescribeEffectivePolicy(const Subject& subject,
                                               const RequestContext& context,
                                               EffectivePolicy& answer) const {
  uint64_t revision = 0;
  return impl_->AtOneRevision(revision, [&]() -> Outcome {
    const Mode mode = impl_->options_.mode;
    Outcome outcome = impl_->Describe(mode, subject, context, answer);
    const StrictRule suspected = DepartureOf(answer.denial.notes);
    if (!outcome.decided() || suspected == StrictRule::kUnspecified) {
      return outcome;
    }
    EffectivePolicy medplum;
    Outcome reference =
        impl_->Describe(Mode::kParity, subject, context, medplum);
    if (!reference.decided()) return reference;
    // A description counts as permitted.
    if (!medplum.json.empty()) medplum.denial.effect = Effect::kPermit;
    Reconcile(std::move(medplum.denial), fhir::Interaction::kRead, suspected,
              answer.denial);
    return outcome;
  });
}

void DecisionPoint::Publish(std::shared_ptr<const BlockSet> blocks) {
  impl_->blocks_.Publish(std::move(blocks));
}

void DecisionPoint::Invalidate(uint64_t revision,
                               std::span<const fhir::ResourceKey> changed) {
  impl_->parity_.Invalidate(changed);
  impl_->strict_.Invalidate(changed);
  // Never back.
  uint64_t before = impl_->revision_.load(std::memory_order_relaxed);
  while (before < revision && !impl_->revision_.compare_exchange_weak(
                                  before, revision, std::memory_order_release,
                                  std::memory_order_relaxed)) {
  }
}

std::unique_ptr<DecisionPoint> DecisionPoint::CopyOver(
    const fhir::ResourceLookup& lookup) const {
  auto copy = std::make_unique<DecisionPoint>(lookup, impl_->options_);
  copy->Publish(impl_->blocks_.Share());
  copy->Invalidate(revision(), {});
  return copy;
}

uint64_t DecisionPoint::revision() const {
  return impl_->revision_.load(std::memory_order_acquire);
}

const DecisionPointOptions& DecisionPoint::options() const {
  return impl_->options_;
}

DecisionPointStatistics DecisionPoint::statistics() const {
  const AccessFinder& parity = impl_->parity_;
  const AccessFinder& strict = impl_->strict_;
  const BlockSet* const blocks = impl_->blocks_.Get();
  return {.bound_policy_hits = parity.hits() + strict.hits(),
          .bound_policy_misses = parity.misses() + strict.misses(),
          .bound_policies = parity.size() + strict.size(),
          .compiled_policies = impl_->policies_.size(),
          .compiles = impl_->policies_.compiles(),
          .refused_compiles = impl_->policies_.refused_compiles(),
          .blocks = blocks == nullptr ? 0 : blocks->in_force()};
}

}  // namespace pdp::policy

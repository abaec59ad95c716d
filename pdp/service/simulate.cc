#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/strings.h"
#include "pdp/policy/overlay_lookup.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/item_error.h"
#include "pdp/service/proposal.h"

namespace pdp::service {
namespace {

// How often all is made anew because the data changed underneath it, and for
// how long a change that is under way is let come to its end.
constexpr int kMaxAttempts = 8;
constexpr absl::Duration kSettling = absl::Milliseconds(2);

bool IsPermitted(const v1::Decision& decision) {
  return decision.effect() == v1::EFFECT_PERMIT ||
         decision.effect() == v1::EFFECT_PERMIT_WITH_OBLIGATIONS;
}

// What an enforcement point has to do for a permitted request.
std::set<std::string> Obligations(const v1::Decision& decision) {
  std::set<std::string> all;
  for (const std::string& field : decision.hidden_fields()) {
    all.insert(StrCat("hidden ", field));
  }
  for (const std::string& field : decision.readonly_fields()) {
    all.insert(StrCat("readonly ", field));
  }
  for (const v1::VersionFields& version : decision.versions()) {
    for (const std::string& field : version.hidden_fields()) {
      all.insert(StrCat("version ", version.version_id(), " ", field));
    }
  }
  return all;
}

// Denied for what is not known here, rather than by a policy.
bool CannotTell(const v1::Decision& decision) {
  return decision.reason() == v1::REASON_RESOURCE_UNAVAILABLE ||
         decision.reason() == v1::REASON_INTERNAL;
}

v1::SimulatedOutcome Compare(const v1::Decision& before,
                             const v1::Decision& after) {
  if (CannotTell(before) || CannotTell(after)) {
    return v1::SIMULATED_OUTCOME_UNKNOWN;
  }
  if (!IsPermitted(before) || !IsPermitted(after)) {
    return IsPermitted(before)  ? v1::SIMULATED_OUTCOME_LOST
           : IsPermitted(after) ? v1::SIMULATED_OUTCOME_GAINED
                                : v1::SIMULATED_OUTCOME_UNCHANGED;
  }
  const std::set<std::string> old_ones = Obligations(before);
  const std::set<std::string> new_ones = Obligations(after);
  const auto includes = [](const auto& all, const auto& some) {
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
  };
  if (old_ones == new_ones) {
    return before.effect() == after.effect()
               ? v1::SIMULATED_OUTCOME_UNCHANGED
               : v1::SIMULATED_OUTCOME_OTHER_OBLIGATIONS;
  }
  if (includes(old_ones, new_ones)) return v1::SIMULATED_OUTCOME_GAINED;
  if (includes(new_ones, old_ones)) return v1::SIMULATED_OUTCOME_LOST;
  return v1::SIMULATED_OUTCOME_OTHER_OBLIGATIONS;
}

}  // namespace

// One Simulate: every check is made by two services of its own, over what is
// stored and over that with the proposal in place.
class DecisionService::Simulation {
 public:
  Simulation(const DecisionService& service, const CallAttempt& attempt,
             const v1::SimulateRequest& request, v1::SimulateResponse& response)
      : service_(service),
        attempt_(attempt),
        request_(request),
        response_(response) {}

  CallOutcome Run();

 private:
  // A service that shares nothing with the one it is made of but the data.
  struct Side {
    Side(const DecisionService& service, const fhir::ResourceLookup& lookup)
        : decision_point(service.decision_point_.CopyOver(lookup)),
          checks(*decision_point, lookup, service.data_, *metrics,
                 Untraceable(service.options_)) {}

    // Records nothing, and tells what would be.
    CallOutcome Check(const CallAttempt& attempt,
                      const v1::CheckRequest& request,
                      v1::CheckResponse& response, AnswerFacts& facts) const {
      Checked checked;
      CallOutcome outcome = checks.DecideCheck(attempt, request, checked,
                                               *response.mutable_decision());
      facts = std::move(checked.facts);
      facts.SetResource(request.resource(), checked.question.access.resource);
      return outcome;
    }

    const std::unique_ptr<policy::DecisionPoint> decision_point;
    const std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
    const DecisionService checks;
  };

  static DecisionServiceOptions Untraceable(DecisionServiceOptions options) {
    options.shadow = nullptr;
    options.project_questions_per_second = 0;
    options.decision_reuse = absl::ZeroDuration();
    return options;
  }

  // What the two answers to a check are about.
  struct BothFacts {
    AnswerFacts before;
    AnswerFacts after;
  };

  // Whether all that has been stored is what decisions are made from, and that
  // is `revision`.
  bool IsAt(uint64_t revision) const {
    return service_.decision_point_.revision() == revision &&
           service_.data_.StoredRevision() == revision;
  }

  // Answers every check; nothing where the data changed meanwhile.
  std::optional<CallOutcome> RunAt(uint64_t revision, const Proposal& proposal);

  CallOutcome Simulate(const Side& before, const Side& after,
                       const v1::CheckRequest& check,
                       v1::SimulatedCheck& simulated, BothFacts& facts) const;
  void RecordAll() const;

  const DecisionService& service_;
  const CallAttempt& attempt_;
  const v1::SimulateRequest& request_;
  v1::SimulateResponse& response_;
  std::vector<BothFacts> facts_;  // Of each check.
};

CallOutcome DecisionService::Simulation::Run() {
  if (!service_.data_.IsReady()) return NotReady();
  const size_t limit = service_.options_.max_batch_items;
  const auto checks = static_cast<size_t>(request_.checks_size());
  if (checks > limit) {
    return Failed(absl::ResourceExhaustedError(
        StrCat("checks: ", checks, " checks; at most ", limit,
               " are taken in one call, so send several")));
  }
  const absl::StatusOr<Proposal> proposal = ReadProposal(
      request_, service_.lookup_, service_.options_.limits.resource);
  if (!proposal.ok()) return Failed(proposal.status());

  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const uint64_t revision = service_.decision_point_.revision();
    if (IsAt(revision)) {
      if (std::optional<CallOutcome> outcome = RunAt(revision, *proposal)) {
        if (outcome->status.ok() && attempt_.ledger != nullptr) RecordAll();
        return *std::move(outcome);
      }
    }
    absl::SleepFor(kSettling);
  }
  return Failed(absl::UnavailableError(
      "the data keeps changing; ask again, or with fewer checks"));
}

std::optional<CallOutcome> DecisionService::Simulation::RunAt(
    uint64_t revision, const Proposal& proposal) {
  const policy::OverlayLookup overlay(service_.lookup_, proposal.resources,
                                      proposal.deleted);
  const Side before(service_, service_.lookup_);
  const Side after(service_, overlay);
  response_.Clear();
  response_.set_revision(revision);
  uint32_t changed = 0;
  uint32_t unknown = 0;
  CallOutcome pending;
  facts_.assign(static_cast<size_t>(request_.checks_size()), {});
  for (const v1::CheckRequest& check : request_.checks()) {
    BothFacts& facts = facts_[static_cast<size_t>(response_.checks_size())];
    if (!IsAt(revision)) return std::nullopt;
    absl::Status awaited = attempt_.CheckAwaited();
    if (!awaited.ok()) return Failed(std::move(awaited));
    v1::SimulatedCheck& simulated = *response_.add_checks();
    const CallOutcome outcome =
        Simulate(before, after, check, simulated, facts);
    if (outcome.pending()) AddPending(outcome, pending);
    if (simulated.outcome() == v1::SIMULATED_OUTCOME_UNKNOWN) {
      ++unknown;
    } else if (simulated.outcome() != v1::SIMULATED_OUTCOME_UNCHANGED) {
      ++changed;
    }
  }
  if (!IsAt(revision)) return std::nullopt;
  response_.set_changed(changed);
  response_.set_unknown(unknown);
  return pending;
}

CallOutcome DecisionService::Simulation::Simulate(const Side& before,
                                                  const Side& after,
                                                  const v1::CheckRequest& check,
                                                  v1::SimulatedCheck& simulated,
                                                  BothFacts& facts) const {
  simulated.set_by_current_attributes(request_.by_current_attributes());
  simulated.set_outcome(v1::SIMULATED_OUTCOME_UNKNOWN);
  v1::CheckResponse old_answer;
  CallOutcome outcome = before.Check(attempt_, check, old_answer, facts.before);
  v1::CheckResponse new_answer;
  if (outcome.status.ok()) {
    outcome = after.Check(attempt_, check, new_answer, facts.after);
  }
  if (!outcome.status.ok()) {
    SetItemError(outcome.status, *simulated.mutable_error());
    return outcome;
  }
  simulated.set_outcome(Compare(old_answer.decision(), new_answer.decision()));
  simulated.mutable_before()->Swap(old_answer.mutable_decision());
  simulated.mutable_after()->Swap(new_answer.mutable_decision());
  return outcome;
}

// A check with an error has no answers.
void DecisionService::Simulation::RecordAll() const {
  for (int i = 0; i < response_.checks_size(); ++i) {
    const v1::SimulatedCheck& simulated = response_.checks(i);
    if (!simulated.has_before()) continue;
    const BothFacts& facts = facts_[static_cast<size_t>(i)];
    RecordedQuestion question =
        service_.Recorded(Method::kSimulate, attempt_, request_.checks(i));
    question.kind = audit::RecordKind::kSimulation;
    question.event = "before";
    RecordAnswer(question, facts.before, simulated.before());
    question.event = "after";
    RecordAnswer(question, facts.after, simulated.after());
  }
}

CallOutcome DecisionService::Simulate(const CallAttempt& attempt,
                                      const v1::SimulateRequest& request,
                                      v1::SimulateResponse& response) const {
  return Simulation(*this, attempt, request, response).Run();
}

}  // namespace pdp::service

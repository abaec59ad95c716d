#include "pdp/service/decision_service.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/log.h"
#include "pdp/base/log_limiter.h"
#include "pdp/base/strings.h"
#include "pdp/policy/subject_projects.h"
#include "pdp/service/caller_rules.h"
#include "pdp/service/convert_decision.h"
#include "pdp/service/decision_id.h"
#include "pdp/service/item_error.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
DecisionService::DecisionService(const policy::DecisionPoint& decision_point,
                                 const fhir::ResourceLookup& lookup,
                                 const DataState& data, Metrics& metrics,
                                 const DecisionServiceOptions& options)
    : decision_point_(decision_point),
      lookup_(lookup),
      data_(data),
      metrics_(metrics),
      options_(options),
      feeds_(lookup, data.Feeds(),
             {.max_staleness = options.max_staleness,
              .unremarkable =
                  std::min(options.stale_after,
                           options.max_staleness - options.decision_reuse)}),
      project_rates_(options.project_questions_per_second, *options.clock) {}

DecisionService::Moment DecisionService::Begin() const {
  const absl::Duration since_boot = options_.clock->SinceBoot();
  return {.now = options_.clock->Now(),
          .since_boot = since_boot,
          .age = feeds_.OldestAge(since_boot)};
}

CallOutcome DecisionService::CheckInto(Method method,
                                       const CallAttempt& attempt,
                                       const v1::CheckRequest& request,
                                       v1::Decision& decision) const {
  Checked checked;
  CallOutcome outcome = DecideCheck(attempt, request, checked, decision);
  if (outcome.pending()) return outcome;
  if (attempt.ledger != nullptr) {
    checked.facts.SetResource(request.resource(),
                              checked.question.access.resource);
    const RecordedQuestion question = Recorded(method, attempt, request);
    if (outcome.status.ok()) {
      RecordAnswer(question, checked.facts, decision);
    } else {
      RecordNoAnswer(question, checked.facts, outcome);
    }
  }
  if (!outcome.status.ok()) return outcome;
  Count(method, request.interaction(), decision);
  if (options_.shadow != nullptr && !checked.question.is_denied) {
    options_.shadow->Compare(checked.question.access, checked.answer);
  }
  return outcome;
}

CallOutcome DecisionService::DecideCheck(const CallAttempt& attempt,
                                         const v1::CheckRequest& request,
                                         Checked& checked,
                                         v1::Decision& decision) const {
  Question& question = checked.question;
  CallOutcome outcome = Prepare(attempt, request, question, decision);
  checked.facts.token = question.token.binding;
  if (!outcome.status.ok() || question.is_denied) return outcome;
  return Decide(attempt, question.access, question.moment, decision,
                checked.answer, checked.facts);
}

RecordedQuestion DecisionService::Recorded(
    Method method, const CallAttempt& attempt,
    const v1::CheckRequest& request) const {
  return {.method = method,
          .attempt = attempt,
          .time = options_.clock->Now(),
          .subject = request.subject(),
          .context = request.context(),
          .interaction = request.interaction(),
          .version_id = request.resource().version_id()};
}

CallOutcome DecisionService::Prepare(const CallAttempt& attempt,
                                     const v1::CheckRequest& request,
                                     Question& question,
                                     v1::Decision& decision) const {
  if (!data_.IsReady()) return NotReady();
  CallOutcome outcome = CheckBody(attempt.origin, request.resource());
  if (!outcome.status.ok()) return outcome;
  Moment& moment = question.moment;
  moment = Begin();
  question.is_denied = true;
  if (const std::optional<std::string> what = FindUnsupported(request)) {
    DenyUnsupported(*what, moment, decision);
    return {};
  }
  TokenSubject& token = question.token;
  outcome = FindToken(attempt, request.subject(), request.consistency(), moment,
                      token);
  if (!outcome.status.ok()) return outcome;
  if (token.refusal) {
    Deny(*token.refusal, moment, decision);
    return {};
  }
  question.is_denied = false;
  policy::AccessRequest& access = question.access;
  absl::Status status =
      ConvertCheck(request, decision_point_.options().mode, options_.limits,
                   access, token.binding.get());
  if (!status.ok()) return Failed(std::move(status));
  return CheckData(attempt, request.consistency(),
                   {access.subject, access.context, &access.resource}, moment);
}

CallOutcome DecisionService::Check(const CallAttempt& attempt,
                                   const v1::CheckRequest& request,
                                   v1::CheckResponse& response,
                                   Method method) const {
  return Counted(
      CheckInto(method, attempt, request, *response.mutable_decision()));
}

void DecisionService::Refuse(const CallAttempt& attempt,
                             const v1::CheckRequest& request,
                             policy::Reason reason, std::string why,
                             v1::CheckResponse& response, Method method) const {
  v1::Decision& decision = *response.mutable_decision();
  Deny({.reason = reason, .message = std::move(why)}, Begin(), decision);
  if (attempt.ledger != nullptr) {
    AnswerFacts facts;
    facts.SetResource(request.resource().type(), request.resource().id());
    RecordAnswer(Recorded(method, attempt, request), facts, decision);
  }
  Count(method, request.interaction(), decision);
}

CallOutcome DecisionService::CurrentRevision(uint64_t& revision) const {
  if (!data_.IsReady()) return Counted(NotReady());
  revision = decision_point_.revision();
  return {};
}

CallOutcome DecisionService::CheckWatch(
    const CallAttempt& attempt,
    const v1::WatchRevisionsRequest& request) const {
  CallOutcome outcome;
  if (request.memberships().empty()) {
    outcome = CheckWatched(attempt, "", lookup_);
  }
  for (const std::string& member : request.memberships()) {
    outcome = CheckWatched(attempt, member, lookup_);
    if (!outcome.status.ok()) break;
  }
  return Counted(std::move(outcome));
}

CallOutcome DecisionService::CheckStream(
    const CallAttempt& attempt, const v1::CheckStreamRequest& request,
    v1::CheckStreamResponse& response) const {
  response.set_id(request.id());
  CallOutcome outcome =
      Counted(CheckInto(Method::kCheckStream, attempt, request.check(),
                        *response.mutable_decision()));
  if (outcome.status.ok() || outcome.pending()) return outcome;
  SetItemError(outcome.status, *response.mutable_error());
  return {};
}

CallOutcome DecisionService::Filter(const CallAttempt& attempt,
                                    const v1::FilterRequest& request,
                                    v1::FilterResponse& response,
                                    Method method) const {
  AnswerFacts facts;
  CallOutcome outcome = FilterInto(attempt, request, facts, response);
  if (attempt.ledger != nullptr && !outcome.pending()) {
    facts.SetResource(request.resource_type(), "");
    const RecordedQuestion question = {.kind = audit::RecordKind::kFilter,
                                       .method = method,
                                       .attempt = attempt,
                                       .time = options_.clock->Now(),
                                       .subject = request.subject(),
                                       .context = request.context(),
                                       .interaction = v1::INTERACTION_SEARCH};
    if (outcome.status.ok()) {
      RecordAnswer(question, facts, response);
    } else {
      RecordNoAnswer(question, facts, outcome);
    }
  }
  return Counted(std::move(outcome));
}

CallOutcome DecisionService::FilterInto(const CallAttempt& attempt,
                                        const v1::FilterRequest& request,
                                        AnswerFacts& facts,
                                        v1::FilterResponse& response) const {
  if (!data_.IsReady()) return NotReady();
  Moment moment = Begin();
  TokenSubject token;
  CallOutcome outcome = FindToken(attempt, request.subject(),
                                  request.consistency(), moment, token);
  if (!outcome.status.ok()) return outcome;
  facts.token = token.binding;
  policy::FilterAnswer answer;
  if (const std::optional<std::string> what = FindUnsupported(request)) {
    token.refusal = TokenSubject::Refusal{
        .reason = policy::Reason::kNotSupported, .message = *what};
  }
  if (token.refusal) {
    answer.kind = policy::FilterKind::kAlwaysDenied;
    answer.reason = token.refusal->reason;
    answer.message = token.refusal->message;
    answer.medplum_http_status = token.refusal->medplum_http_status;
    answer.revision = decision_point_.revision();
  } else {
    policy::FilterRequest filter;
    absl::Status status =
        ConvertFilter(request, decision_point_.options().mode, options_.limits,
                      filter, token.binding.get());
    if (!status.ok()) return Failed(std::move(status));
    outcome = CheckData(attempt, request.consistency(),
                        {filter.subject, filter.context}, moment);
    if (!outcome.status.ok()) return outcome;
    policy::Outcome decided = decision_point_.Filter(filter, answer);
    facts.SetFindings(std::move(decided.found));
    if (!decided.decided()) return FromEngine(attempt, std::move(decided));
    moment.reuse_ends = std::min(moment.reuse_ends, decided.session_ends);
    if (options_.shadow != nullptr) {
      options_.shadow->Compare(filter, Shadowed(answer));
    }
  }

  AddNotes(moment, answer.notes);
  ConvertFilterAnswer(answer, response);
  WriteDecisionId(moment.now, *response.mutable_decision_id());
  if (const std::optional<absl::Time> until =
          ValidUntil(answer.reason, moment)) {
    WriteTimestamp(*until, *response.mutable_valid_until());
  }
  metrics_.CountFilter(answer.kind, answer.reason);
  return {};
}

CallOutcome DecisionService::DescribeAccess(
    const CallAttempt& attempt, const v1::DescribeAccessRequest& request,
    v1::DescribeAccessResponse& response) const {
  if (!data_.IsReady()) return Counted(NotReady());
  Moment moment = Begin();
  TokenSubject token;
  CallOutcome outcome = FindToken(attempt, request.subject(),
                                  request.consistency(), moment, token);
  if (!outcome.status.ok()) return Counted(std::move(outcome));
  policy::DecisionPoint::EffectivePolicy answer;
  if (const std::optional<std::string> what = FindUnsupported(request)) {
    token.refusal = TokenSubject::Refusal{
        .reason = policy::Reason::kNotSupported, .message = *what};
  }
  if (token.refusal) {
    answer.denial.reason = token.refusal->reason;
    answer.denial.message = token.refusal->message;
    answer.denial.medplum_http_status = token.refusal->medplum_http_status;
  } else {
    policy::Subject subject;
    policy::RequestContext context;
    absl::Status status =
        ConvertSubject(request.subject(), subject, token.binding.get());
    if (status.ok()) {
      status = ConvertContext(request.context(), decision_point_.options().mode,
                              options_.limits, context, token.binding.get());
    }
    if (!status.ok()) return Failed(std::move(status));
    outcome =
        CheckData(attempt, request.consistency(), {subject, context}, moment);
    if (!outcome.status.ok()) return Counted(std::move(outcome));
    policy::Outcome described =
        decision_point_.DescribeEffectivePolicy(subject, context, answer);
    if (!described.decided()) {
      return Counted(FromEngine(attempt, std::move(described)));
    }
  }
  AddNotes(moment, answer.denial.notes);
  ConvertEffectivePolicy(answer, response);
  response.set_revision(decision_point_.revision());
  return {};
}

CallOutcome DecisionService::FindToken(const CallAttempt& attempt,
                                       const v1::Subject& subject,
                                       const v1::Consistency& wanted,
                                       Moment& moment,
                                       TokenSubject& found) const {
  CallOutcome outcome = CheckSubject(attempt.origin, subject);
  if (!outcome.status.ok()) return outcome;
  outcome = FindTokenSubject(attempt, subject, wanted.fully_fresh(),
                             options_.tokens, found);
  if (found.binding != nullptr) moment.reuse_ends = found.binding->expires;
  return outcome;
}

ConsistencyFacts DecisionService::Facts() const {
  return {
      .data = data_, .lookup = lookup_, .revision = decision_point_.revision()};
}

CallOutcome DecisionService::CheckData(const CallAttempt& attempt,
                                       const v1::Consistency& wanted,
                                       const DecisionScope& scope,
                                       Moment& moment) const {
  CallOutcome outcome =
      CheckProjects(attempt, scope.subject, scope.context, lookup_);
  if (!outcome.status.ok()) return outcome;
  outcome = TakeOfProjects(attempt, scope.subject, scope.context);
  if (!outcome.status.ok()) return outcome;
  outcome = CheckConsistency(Facts(), attempt, wanted, scope);
  if (!outcome.status.ok()) return outcome;
  return CheckFeeds(attempt, wanted, scope, moment);
}

CallOutcome DecisionService::Decide(const CallAttempt& attempt,
                                    const policy::AccessRequest& request,
                                    const Moment& moment, v1::Decision& message,
                                    ShadowedAnswer& answer,
                                    AnswerFacts& facts) const {
  policy::Decision decision;
  policy::Outcome outcome = decision_point_.Decide(request, decision);
  if (attempt.ledger != nullptr) {
    facts.SetFindings(std::move(outcome.found), request.resource, decision);
  }
  if (!outcome.decided()) {
    CallOutcome result = FromEngine(attempt, std::move(outcome));
    if (!result.needed.empty()) {
      result.needed_by = ProjectOf(Facts(), {request.subject, request.context});
    }
    return result;
  }
  if (options_.shadow != nullptr) answer = Shadowed(decision);
  Moment until = moment;
  until.reuse_ends = std::min(until.reuse_ends, outcome.session_ends);
  Complete(decision, until, message);
  return {};
}

CallOutcome DecisionService::TakeOfProjects(
    const CallAttempt& attempt, const policy::Subject& subject,
    const policy::RequestContext& context) const {
  if (!project_rates_.is_limited() || !attempt.is_first) return {};
  std::vector<std::string> projects;
  // What cannot be told the decision says.
  (void)policy::FindSubjectProjects(subject, context, lookup_, projects);
  for (const std::string& project : projects) {
    if (project_rates_.Take(project)) continue;
    metrics_.CountRejection(Rejection::kProjectRate);
    static LogLimiter limiter(/*per_second=*/5);
    if (const auto left_out = limiter.Allow(absl::Now())) {
      Log(Severity::kWarning, "project_turned_away",
          {{"project", project}, {"lines_left_out", *left_out}});
    }
    return Failed(absl::ResourceExhaustedError(
        StrCat("members of the project `", project,
               "` are asked about more often than "
               "limits.project-questions-per-second allows; try again in a "
               "second")));
  }
  return {};
}

void DecisionService::DenyUnsupported(const std::string& what,
                                      const Moment& moment,
                                      v1::Decision& message) const {
  Deny({.reason = policy::Reason::kNotSupported, .message = what}, moment,
       message);
}

void DecisionService::Deny(const TokenSubject::Refusal& refusal,
                           const Moment& moment, v1::Decision& message) const {
  policy::Decision decision;
  decision.effect = policy::Effect::kDeny;
  decision.reason = refusal.reason;
  decision.message = refusal.message;
  decision.medplum_http_status = refusal.medplum_http_status;
  decision.revision = decision_point_.revision();
  Complete(decision, moment, message);
}

void DecisionService::Complete(policy::Decision& decision, const Moment& moment,
                               v1::Decision& message) const {
  AddNotes(moment, decision.notes);
  ConvertDecision(decision, message);
  WriteDecisionId(moment.now, *message.mutable_decision_id());
  if (const std::optional<absl::Time> until =
          ValidUntil(decision.reason, moment)) {
    WriteTimestamp(*until, *message.mutable_valid_until());
  }
}

void DecisionService::Count(Method method, int interaction,
                            const v1::Decision& message) const {
  metrics_.CountDecision(method, static_cast<policy::Effect>(message.effect()),
                         v1::Interaction_IsValid(interaction)
                             ? static_cast<fhir::Interaction>(interaction)
                             : fhir::Interaction::kUnspecified,
                         static_cast<policy::Reason>(message.reason()));
}

void DecisionService::AddNotes(const Moment& moment,
                               std::vector<policy::Note>& notes) const {
  if (moment.age > options_.stale_after) notes.push_back(StaleNote());
  if (!data_.IsServerVersionChecked()) notes.push_back(ServerVersionNote());
}

CallOutcome DecisionService::Counted(CallOutcome outcome) const {
  if (outcome.refusal != Refusal::kNone && !outcome.pending()) {
    metrics_.CountRefusal(outcome.refusal);
  }
  return outcome;
}

std::optional<absl::Time> DecisionService::ValidUntil(
    policy::Reason reason, const Moment& moment) const {
  if (reason == policy::Reason::kResourceUnavailable ||
      reason == policy::Reason::kInternal) {
    return std::nullopt;
  }
  const absl::Duration reuse =
      std::min(options_.decision_reuse, options_.max_staleness - moment.age);
  const absl::Time until = std::min(moment.now + reuse, moment.reuse_ends);
  if (until <= moment.now) return std::nullopt;
  return until;
}

}  // namespace pdp::service

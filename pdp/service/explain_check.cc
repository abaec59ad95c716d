// Explain: a Check that says why.  It counts as a call, not as a decision.

#include <algorithm>
#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/policy/explain.h"
#include "pdp/policy/explain_summary.h"
#include "pdp/service/convert_explanation.h"
#include "pdp/service/decision_service.h"

namespace pdp::service {

CallOutcome DecisionService::Explain(const CallAttempt& attempt,
                                     const v1::ExplainRequest& request,
                                     v1::ExplainResponse& response) const {
  if (request.question_case() == v1::ExplainRequest::kDecisionId) {
    if (request.has_as_of()) {
      return Failed(absl::InvalidArgumentError(
          "as_of: a recorded decision has its own time; leave it out"));
    }
    return Counted(ExplainRecorded(attempt, request.decision_id(), response));
  }
  if (request.question_case() != v1::ExplainRequest::kCheck) {
    return Failed(absl::InvalidArgumentError("check: missing"));
  }
  if (request.has_as_of()) {
    return Counted(ExplainAsOf(attempt, request, response));
  }
  AnswerFacts facts;
  CallOutcome outcome = ExplainInto(attempt, request.check(), facts, response);
  if (attempt.ledger != nullptr && !outcome.pending()) {
    RecordedQuestion question =
        Recorded(Method::kExplain, attempt, request.check());
    question.kind = audit::RecordKind::kSimulation;
    if (outcome.status.ok()) {
      RecordAnswer(question, facts, response.decision());
    } else {
      RecordNoAnswer(question, facts, outcome);
    }
  }
  return Counted(std::move(outcome));
}

CallOutcome DecisionService::ExplainInto(const CallAttempt& attempt,
                                         const v1::CheckRequest& check,
                                         AnswerFacts& facts,
                                         v1::ExplainResponse& response) const {
  Question question;
  v1::Decision& decision = *response.mutable_decision();
  CallOutcome outcome = Prepare(attempt, check, question, decision);
  facts.token = question.token.binding;
  facts.SetResource(check.resource(), question.access.resource);
  if (!outcome.status.ok()) return outcome;
  if (question.is_denied) {
    const policy::DenialText text = policy::DenialInWords(
        static_cast<policy::Reason>(decision.reason()), decision.message());
    response.set_summary(text.cause);
    response.set_missing(text.remedy);
    return outcome;
  }
  policy::Explanation explanation;
  policy::Outcome explained =
      decision_point_.Explain(question.access, explanation);
  facts.SetFindings(std::move(explained.found), question.access.resource,
                    explanation.decision);
  if (!explained.decided()) return FromEngine(attempt, std::move(explained));
  question.moment.reuse_ends =
      std::min(question.moment.reuse_ends, explained.session_ends);
  Complete(explanation.decision, question.moment, decision);
  ConvertExplanation(explanation, response);
  return outcome;
}

}  // namespace pdp::service

// DecisionService: the PolicyDecisionPoint service, free of any transport.
//
// Thread-safe.  No call waits.  A call that needs something first says so in
// its CallOutcome and is made again, from the start, when that has been got
// (see fact_fetcher.h); its response is then filled in anew.

#ifndef PDP_SERVICE_DECISION_SERVICE_H_
#define PDP_SERVICE_DECISION_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/audit_record.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/consistency.h"
#include "pdp/service/convert_request.h"
#include "pdp/service/data_state.h"
#include "pdp/service/feed_check.h"
#include "pdp/service/metrics.h"
#include "pdp/service/policy_history.h"
#include "pdp/service/project_rates.h"
#include "pdp/service/shadow.h"
#include "pdp/service/token_subject.h"

namespace medplum::pdp::v1 {
class BatchCheckRequest;
class BatchCheckResponse;
class CheckResponse;
class CheckStreamRequest;
class CheckStreamResponse;
class Decision;
class DescribeAccessRequest;
class DescribeAccessResponse;
class ExplainRequest;
class ExplainResponse;
class FilterResponse;
class SimulateRequest;
class SimulateResponse;
class WatchRevisionsRequest;
}  // namespace medplum::pdp::v1

namespace pdp::service {

struct DecisionServiceOptions {
  absl::Duration max_staleness = absl::Minutes(5);
  // Answers from data further behind carry the note STALE.
  absl::Duration stale_after = absl::Seconds(30);
  // How long a caller may reuse an answer; zero: not at all.
  absl::Duration decision_reuse = absl::Seconds(10);
  RequestLimits limits;
  size_t max_batch_items = 1'000;
  // About members of one project; 0: no limit.
  uint32_t project_questions_per_second = 0;
  // Compares every answer with the other mode's; null: nothing does.
  Shadow* shadow = nullptr;
  // Null: an access token as a subject is not supported.
  policy::AccessTokens* tokens = nullptr;
  // Null: the past is not kept.
  const PolicyHistory* history = nullptr;
  // Where audit records are read; those that are not there are passed over.
  std::vector<std::string> audit_directories;
  const Clock* clock = &Clock::Real();
};

// Not for a thread that decides.
bool IsAboutThePast(const v1::ExplainRequest& request);

class DecisionService {
 public:
  // All of them must outlive the service.
  DecisionService(const policy::DecisionPoint& decision_point,
                  const fhir::ResourceLookup& lookup, const DataState& data,
                  Metrics& metrics, const DecisionServiceOptions& options);
  DecisionService(const DecisionService&) = delete;
  DecisionService& operator=(const DecisionService&) = delete;

  // `method` is the one that it is recorded and counted as.
  CallOutcome Check(const CallAttempt& attempt, const v1::CheckRequest& request,
                    v1::CheckResponse& response,
                    Method method = Method::kCheck) const;

  // Denies what nobody is asked about: recorded and counted as an answer to
  // `request`, which says what is known of it.
  void Refuse(const CallAttempt& attempt, const v1::CheckRequest& request,
              policy::Reason reason, std::string why,
              v1::CheckResponse& response, Method method) const;

  CallOutcome BatchCheck(const CallAttempt& attempt,
                         const v1::BatchCheckRequest& request,
                         v1::BatchCheckResponse& response) const;

  // The revision that answers given now are made at.  Unavailable before the
  // first load is complete.
  CallOutcome CurrentRevision(uint64_t& revision) const;

  // Whether the caller may watch that.
  CallOutcome CheckWatch(const CallAttempt& attempt,
                         const v1::WatchRevisionsRequest& request) const;

  // A request that has no decision is answered with its error: the outcome is
  // OK or pending.
  CallOutcome CheckStream(const CallAttempt& attempt,
                          const v1::CheckStreamRequest& request,
                          v1::CheckStreamResponse& response) const;

  CallOutcome Filter(const CallAttempt& attempt,
                     const v1::FilterRequest& request,
                     v1::FilterResponse& response,
                     Method method = Method::kFilter) const;

  CallOutcome DescribeAccess(const CallAttempt& attempt,
                             const v1::DescribeAccessRequest& request,
                             v1::DescribeAccessResponse& response) const;

  // May take its time: not for a thread that decides.  Leaves no trace in what
  // is kept or counted here, and answers nothing that may be reused.
  CallOutcome Simulate(const CallAttempt& attempt,
                       const v1::SimulateRequest& request,
                       v1::SimulateResponse& response) const;

  // Check, and why.  Counts no decision.  Of a question about the past
  // (IsAboutThePast): may take its time, and leaves no trace.
  CallOutcome Explain(const CallAttempt& attempt,
                      const v1::ExplainRequest& request,
                      v1::ExplainResponse& response) const;

 private:
  class Batch;
  class Simulation;
  class Past;
  friend class ResourceFilter;  // A call of many messages.

  // When an answer is given, and how old what it is made from is.
  struct Moment {
    absl::Time now;
    absl::Duration since_boot;
    absl::Duration age;
    // Past it no answer may be reused.
    absl::Time reuse_ends = absl::InfiniteFuture();
  };
  Moment Begin() const;

  // Whether the caller may ask about `subject`, and whom an access token names.
  // To be called before the subject and the context are converted.
  CallOutcome FindToken(const CallAttempt& attempt, const v1::Subject& subject,
                        const v1::Consistency& wanted, Moment& moment,
                        TokenSubject& found) const;

  // A CheckRequest as the decision point takes it.
  struct Question {
    Moment moment;
    TokenSubject token;  // Text of `access` may point into it.
    policy::AccessRequest access;
    // The answer is there already.
    bool is_denied = false;
  };
  // `question` is filled in, and its data is as fresh as it has to be, or
  // `decision` is filled in.
  CallOutcome Prepare(const CallAttempt& attempt,
                      const v1::CheckRequest& request, Question& question,
                      v1::Decision& decision) const;

  // What a call about one resource turned out to be about.
  struct Checked {
    Question question;
    AnswerFacts facts;
    ShadowedAnswer answer;
  };
  CallOutcome CheckInto(Method method, const CallAttempt& attempt,
                        const v1::CheckRequest& request,
                        v1::Decision& decision) const;
  CallOutcome DecideCheck(const CallAttempt& attempt,
                          const v1::CheckRequest& request, Checked& checked,
                          v1::Decision& decision) const;
  // What the record of such a call says of the question.
  RecordedQuestion Recorded(Method method, const CallAttempt& attempt,
                            const v1::CheckRequest& request) const;

  CallOutcome ExplainInto(const CallAttempt& attempt,
                          const v1::CheckRequest& check, AnswerFacts& facts,
                          v1::ExplainResponse& response) const;

  CallOutcome ExplainAsOf(const CallAttempt& attempt,
                          const v1::ExplainRequest& request,
                          v1::ExplainResponse& response) const;
  CallOutcome ExplainRecorded(const CallAttempt& attempt,
                              const std::string& decision_id,
                              v1::ExplainResponse& response) const;
  CallOutcome FilterInto(const CallAttempt& attempt,
                         const v1::FilterRequest& request, AnswerFacts& facts,
                         v1::FilterResponse& response) const;

  ConsistencyFacts Facts() const;
  CallOutcome CheckFeeds(const CallAttempt& attempt,
                         const v1::Consistency& wanted,
                         const DecisionScope& scope, Moment& moment) const {
    return feeds_.Check(attempt, wanted, scope, moment.since_boot, moment.age);
  }

  // Both of a call with one subject, which the caller may ask about.
  CallOutcome CheckData(const CallAttempt& attempt,
                        const v1::Consistency& wanted,
                        const DecisionScope& scope, Moment& moment) const;

  // Decides, and fills in `message` whole, what is to be compared of it, and
  // what `facts` hold of what was found.  Counts and records nothing.
  CallOutcome Decide(const CallAttempt& attempt,
                     const policy::AccessRequest& request, const Moment& moment,
                     v1::Decision& message, ShadowedAnswer& answer,
                     AnswerFacts& facts) const;
  void DenyUnsupported(const std::string& what, const Moment& moment,
                       v1::Decision& message) const;
  void Deny(const TokenSubject::Refusal& refusal, const Moment& moment,
            v1::Decision& message) const;
  void Complete(policy::Decision& decision, const Moment& moment,
                v1::Decision& message) const;
  void Count(Method method, int interaction, const v1::Decision& message) const;
  // Counts a question about `subject`.  ResourceExhausted where its project has
  // too many.
  CallOutcome TakeOfProjects(const CallAttempt& attempt,
                             const policy::Subject& subject,
                             const policy::RequestContext& context) const;
  // Counts a call that ends without a decision for what its data is.
  CallOutcome Counted(CallOutcome outcome) const;

  // Until when an answer given now may be reused; nothing: not at all.
  std::optional<absl::Time> ValidUntil(policy::Reason reason,
                                       const Moment& moment) const;
  // What the reader of any answer should know of the data.
  void AddNotes(const Moment& moment, std::vector<policy::Note>& notes) const;

  const policy::DecisionPoint& decision_point_;
  const fhir::ResourceLookup& lookup_;
  const DataState& data_;
  Metrics& metrics_;
  const DecisionServiceOptions options_;
  const FeedCheck feeds_;
  const ProjectRates project_rates_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_DECISION_SERVICE_H_

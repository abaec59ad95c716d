// Explain, of the past: by a decision point of its own over what was in force.

#include <memory>
#include <string>
#include <utility>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/strings.h"
#include "pdp/recorded/question.h"
#include "pdp/service/convert_request.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/policy_history.h"
#include "pdp/service/recorded_decision.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

// The time of day of then; what takes time takes it now.
class ClockOfThen final : public Clock {
 public:
  ClockOfThen(absl::Time then, const Clock& clock)
      : then_(then), clock_(clock) {}
  absl::Time Now() const override { return then_; }
  absl::Duration SinceBoot() const override { return clock_.SinceBoot(); }

 private:
  const absl::Time then_;
  const Clock& clock_;
};

std::string TextOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S UTC", time, absl::UTCTimeZone());
}

absl::Status CheckConsistencyOfThen(const v1::Consistency& wanted) {
  if (!wanted.fully_fresh() && wanted.at_least_as_fresh().empty() &&
      wanted.at_least_revision() == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "consistency: as_of says which data is meant; leave it out");
}

absl::Status PastNotKept() {
  return absl::UnimplementedError(
      "this server keeps nothing of the past; ask without as_of");
}

}  // namespace

bool IsAboutThePast(const v1::ExplainRequest& request) {
  return request.has_as_of() ||
         request.question_case() == v1::ExplainRequest::kDecisionId;
}

// Shares nothing with the service it is made of but the data of now.
class DecisionService::Past {
 public:
  Past(const DecisionService& service, PastPolicies policies, absl::Time then)
      : then_(then),
        clock_(then, *service.options_.clock),
        policies_(std::move(policies)),
        decision_point_(*policies_.lookup,
                        OptionsOf(service.decision_point_, clock_)),
        checks_(decision_point_, *policies_.lookup, service.data_, *metrics_,
                OptionsOf(service.options_, clock_)) {
    decision_point_.Publish(std::make_shared<const policy::BlockSet>(
        std::move(policies_.blocks), clock_));
    decision_point_.Invalidate(policies_.revision, {});
  }

  CallOutcome Explain(const CallAttempt& attempt, const v1::CheckRequest& check,
                      v1::ExplainResponse& response) const {
    response.Clear();
    AnswerFacts facts;  // It has no decision id, and no record.
    CallOutcome outcome = checks_.ExplainInto(attempt, check, facts, response);
    if (!outcome.status.ok()) return outcome;
    response.mutable_decision()->clear_decision_id();
    WriteTimestamp(then_, *response.mutable_as_of());
    response.set_summary(StrCat(
        response.summary(), " This is by the policies of ", TextOf(then_),
        check.resource().body().empty() && !check.resource().id().empty()
            ? "; the resource is judged by its attributes of now."
            : "."));
    return outcome;
  }

 private:
  static policy::DecisionPointOptions OptionsOf(
      const policy::DecisionPoint& decision_point, const Clock& clock) {
    policy::DecisionPointOptions options = decision_point.options();
    options.clock = &clock;
    return options;
  }
  static DecisionServiceOptions OptionsOf(DecisionServiceOptions options,
                                          const Clock& clock) {
    options.shadow = nullptr;
    options.project_questions_per_second = 0;
    options.decision_reuse = absl::ZeroDuration();
    options.clock = &clock;
    return options;
  }

  const absl::Time then_;
  const ClockOfThen clock_;
  PastPolicies policies_;
  const std::unique_ptr<Metrics> metrics_ = std::make_unique<Metrics>();
  policy::DecisionPoint decision_point_;
  const DecisionService checks_;
};

CallOutcome DecisionService::ExplainAsOf(const CallAttempt& attempt,
                                         const v1::ExplainRequest& request,
                                         v1::ExplainResponse& response) const {
  if (options_.history == nullptr) return Failed(PastNotKept());
  if (!data_.IsReady()) return NotReady();
  absl::Status status = CheckConsistencyOfThen(request.check().consistency());
  if (!status.ok()) return Failed(std::move(status));
  const absl::Time then = ReadTimestamp(request.as_of());
  if (then > options_.clock->Now()) {
    return Failed(absl::InvalidArgumentError("as_of: it is in the future"));
  }
  absl::StatusOr<PastPolicies> policies = options_.history->At(then);
  if (!policies.ok()) return Failed(policies.status());
  return Past(*this, *std::move(policies), then)
      .Explain(attempt, request.check(), response);
}

CallOutcome DecisionService::ExplainRecorded(
    const CallAttempt& attempt, const std::string& decision_id,
    v1::ExplainResponse& response) const {
  if (options_.history == nullptr || options_.audit_directories.empty()) {
    return Failed(PastNotKept());
  }
  if (!data_.IsReady()) return NotReady();
  const absl::StatusOr<audit::OwnedRecord> found =
      FindRecorded(options_.audit_directories, decision_id);
  if (!found.ok()) return Failed(found.status());
  const audit::Record& record = found->parsed.record();
  absl::StatusOr<v1::CheckRequest> check = recorded::QuestionOf(record);
  if (!check.ok()) return Failed(InField("decision_id", check.status()));
  absl::StatusOr<PastPolicies> policies =
      record.revision ? options_.history->At(*record.revision, record.time)
                      : options_.history->At(record.time);
  if (!policies.ok()) return Failed(policies.status());
  const Past past(*this, *std::move(policies), record.time);
  CallOutcome outcome = past.Explain(attempt, *check, response);
  if (!outcome.status.ok()) return outcome;
  DescribeRecorded(record, response.decision(), *response.mutable_recorded());
  if (response.recorded().agrees() || record.tenants.empty()) return outcome;

  // The tenants may have been those that were active.
  for (const std::string_view tenant : record.tenants) {
    check->mutable_context()->add_active_tenants(std::string(tenant));
  }
  v1::ExplainResponse narrowed;
  CallOutcome again = past.Explain(attempt, *check, narrowed);
  if (!again.status.ok()) return again;
  DescribeRecorded(record, narrowed.decision(), *narrowed.mutable_recorded());
  if (narrowed.recorded().agrees()) response.Swap(&narrowed);
  return outcome;
}

}  // namespace pdp::service

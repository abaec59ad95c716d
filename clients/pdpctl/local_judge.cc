#include "clients/pdpctl/local_judge.h"

#include <string>

#include "absl/status/status.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/request.h"

namespace pdp::ctl {
namespace {

policy::RequestContext ToContext(const RecordedSubject& subject) {
  policy::RequestContext context;
  context.smart_scope = subject.scope;
  if (subject.launch_patient && !subject.launch_patient->empty()) {
    context.launch_patient = *subject.launch_patient;
  }
  context.extended_mode = subject.extended;
  context.remote_address = subject.remote_address;
  if (subject.basic_authentication) {
    context.authentication = policy::Authentication::kBasic;
  } else if (subject.new_token) {
    context.authentication = policy::Authentication::kLogin;
  }
  context.on_behalf_of = subject.on_behalf_of;
  return context;
}

absl::Status ToStatus(const policy::Outcome& outcome) {
  if (outcome.pending()) {
    return absl::UnavailableError(
        StrCat("the decision waits for ", outcome.needed.front().ToString()));
  }
  return outcome.status;
}

std::vector<std::string> StrictRules(const std::vector<policy::Note>& notes) {
  std::vector<std::string> rules;
  for (const policy::Note& note : notes) {
    if (note.code != policy::NoteCode::kStrictRule) continue;
    rules.emplace_back(policy::StrictRuleName(note.strict_rule));
  }
  return rules;
}

}  // namespace

void LocalJudge::Enter(const VectorFile& file) {
  decision_point_.reset();
  lookup_ =
      std::make_unique<fhir::MemoryLookup>(file.resources(), file.versions());
  decision_point_ = std::make_unique<policy::DecisionPoint>(*lookup_, options_);
}

std::vector<CheckAnswer> LocalJudge::Check(
    std::span<const CheckQuestion> questions) {
  std::vector<CheckAnswer> answers;
  answers.reserve(questions.size());
  for (const CheckQuestion& question : questions) {
    answers.push_back(Check(question));
  }
  return answers;
}

CheckAnswer LocalJudge::Check(const CheckQuestion& question) const {
  const RecordedCheck& check = *question.check;
  CheckAnswer answer;
  policy::AccessRequest request;
  request.subject.reference = check.subject.membership;
  request.context = ToContext(check.subject);
  if (question.durable_only) {
    request.context.read_path = policy::ReadPath::kDurableOnly;
  }
  request.interaction = check.interaction;
  request.resource.type = check.type;
  request.resource.id = check.resource_id;
  request.resource.version_id = check.version_id;
  if (!check.proposed.empty()) {
    auto proposed = fhir::Resource::Parse(check.proposed);
    if (!proposed.ok()) {
      answer.status = proposed.status();
      return answer;
    }
    request.resource.proposed = *std::move(proposed);
    request.return_completed_resource = true;
  }

  policy::Decision decision;
  answer.status = ToStatus(decision_point_->Decide(request, decision));
  if (!answer.status.ok()) return answer;
  answer.permitted = decision.permitted();
  answer.http_status = decision.medplum_http_status;
  answer.reason = policy::ReasonName(decision.reason);
  answer.message = decision.message;
  answer.matches_in_memory = decision.memory_match == policy::Match::kYes;
  answer.durable_match_unknown =
      decision.durable_match == policy::Match::kUnknown;
  answer.strict_rules = StrictRules(decision.notes);
  answer.hidden_fields.assign(decision.hidden_fields.begin(),
                              decision.hidden_fields.end());
  for (const policy::VersionFields& version : decision.versions) {
    answer.versions.push_back({version.version_id, version.hidden_fields});
  }
  if (decision.write) answer.completed = decision.write->resource;
  return answer;
}

SearchAnswer LocalJudge::Search(const RecordedSearch& search) {
  policy::FilterRequest request;
  request.subject.reference = search.subject.membership;
  request.context = ToContext(search.subject);
  request.resource_type = search.type;
  request.query = search.query;

  policy::FilterAnswer filter;
  SearchAnswer answer;
  answer.status = ToStatus(decision_point_->Filter(request, filter));
  if (!answer.status.ok()) return answer;
  answer.permitted = filter.kind == policy::FilterKind::kAlwaysPermitted ||
                     filter.kind == policy::FilterKind::kConditional;
  answer.http_status = filter.medplum_http_status;
  answer.reason = policy::ReasonName(filter.reason);
  answer.message = filter.message;
  answer.strict_rules = StrictRules(filter.notes);
  answer.queries = filter.queries;
  answer.single_query = filter.single_query;
  answer.inexact = filter.inexact;
  return answer;
}

EffectiveAnswer LocalJudge::Describe(const RecordedEffectivePolicy& effective) {
  policy::Subject subject;
  subject.reference = effective.subject.membership;
  policy::DecisionPoint::EffectivePolicy policy;
  EffectiveAnswer answer;
  answer.status = ToStatus(decision_point_->DescribeEffectivePolicy(
      subject, ToContext(effective.subject), policy));
  if (!answer.status.ok()) return answer;
  if (policy.json.empty()) {
    answer.http_status = policy.denial.medplum_http_status;
    answer.reason = policy::ReasonName(policy.denial.reason);
    answer.message = policy.denial.message;
    answer.strict_rules = StrictRules(policy.denial.notes);
    return answer;
  }
  answer.http_status = 200;
  answer.access_policy = policy.json;
  answer.project = policy.project;
  answer.profile = policy.profile;
  return answer;
}

}  // namespace pdp::ctl

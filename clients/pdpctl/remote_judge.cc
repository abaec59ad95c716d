#include "clients/pdpctl/remote_judge.h"

#include <utility>

#include "absl/status/status.h"
#include "clients/pdpctl/names.h"
#include "clients/pdpctl/rpc_client.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

void Fill(const RecordedSubject& from, v1::Subject& subject,
          v1::Context& context) {
  subject.set_reference(std::string(from.membership));
  if (from.scope) context.set_smart_scope(std::string(*from.scope));
  if (from.launch_patient && !from.launch_patient->empty()) {
    context.set_launch_patient(*from.launch_patient);
  }
  context.set_extended_mode(from.extended);
  if (from.remote_address) {
    context.set_remote_address(std::string(*from.remote_address));
  }
  if (from.basic_authentication) {
    context.set_authentication(v1::AUTHENTICATION_BASIC);
  } else if (from.new_token) {
    context.set_authentication(v1::AUTHENTICATION_LOGIN);
  }
  if (from.on_behalf_of) {
    context.set_on_behalf_of(std::string(*from.on_behalf_of));
  }
}

template <typename Notes>
std::vector<std::string> StrictRules(const Notes& notes) {
  std::vector<std::string> rules;
  for (const v1::Note& note : notes) {
    if (note.code() != v1::NOTE_CODE_STRICT_RULE) continue;
    rules.push_back(StrictRuleText(note.strict_rule()));
  }
  return rules;
}

v1::CheckRequest ToRequest(const CheckQuestion& question) {
  const RecordedCheck& check = *question.check;
  v1::CheckRequest request;
  Fill(check.subject, *request.mutable_subject(), *request.mutable_context());
  if (question.durable_only) {
    request.mutable_context()->set_read_path(v1::READ_PATH_DURABLE_ONLY);
  }
  request.set_interaction(static_cast<v1::Interaction>(check.interaction));
  v1::Resource& resource = *request.mutable_resource();
  resource.set_type(std::string(check.type));
  resource.set_id(std::string(check.resource_id));
  resource.set_version_id(std::string(check.version_id));
  resource.set_proposed(check.proposed);
  request.set_return_completed_resource(!check.proposed.empty());
  return request;
}

CheckAnswer ToAnswer(const absl::StatusOr<v1::CheckResponse>& response) {
  CheckAnswer answer;
  answer.status = response.status();
  if (!response.ok()) return answer;
  const v1::Decision& decision = response->decision();
  answer.permitted = decision.effect() == v1::EFFECT_PERMIT ||
                     decision.effect() == v1::EFFECT_PERMIT_WITH_OBLIGATIONS;
  answer.http_status = static_cast<int>(decision.medplum_http_status());
  answer.reason = ReasonText(decision.reason());
  answer.message = decision.message();
  answer.matches_in_memory = decision.memory_match() == v1::MATCH_YES;
  answer.durable_match_unknown = decision.durable_match() == v1::MATCH_UNKNOWN;
  answer.strict_rules = StrictRules(decision.notes());
  answer.hidden_fields.assign(decision.hidden_fields().begin(),
                              decision.hidden_fields().end());
  for (const v1::VersionFields& version : decision.versions()) {
    answer.versions.push_back(
        {version.version_id(),
         {version.hidden_fields().begin(), version.hidden_fields().end()}});
  }
  answer.completed = decision.write().resource();
  return answer;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RemoteJudge>> RemoteJudge::Connect(
    const Connection& connection) {
  auto client = std::make_unique<RpcClient>(connection);
  const auto status = client->GetStatus();
  if (!status.ok()) return status.status();
  if (!status->ready()) {
    return absl::UnavailableError(
        StrCat("the server at ", connection.target,
               " is not ready yet; see `pdpctl status`"));
  }
  return std::unique_ptr<RemoteJudge>(
      new RemoteJudge(std::move(client), ModeText(status->mode()),
                      ParameterSemanticsText(status->parameter_semantics())));
}

RemoteJudge::RemoteJudge(std::unique_ptr<RpcClient> client, std::string mode,
                         std::string parameter_semantics)
    : client_(std::move(client)),
      mode_(std::move(mode)),
      parameter_semantics_(std::move(parameter_semantics)) {}

RemoteJudge::~RemoteJudge() = default;

void RemoteJudge::Enter(const VectorFile&) {}

std::vector<CheckAnswer> RemoteJudge::Check(
    std::span<const CheckQuestion> questions) {
  std::vector<v1::CheckRequest> requests;
  requests.reserve(questions.size());
  for (const CheckQuestion& question : questions) {
    requests.push_back(ToRequest(question));
  }
  std::vector<CheckAnswer> answers;
  answers.reserve(questions.size());
  for (const auto& response : client_->CheckAll(requests)) {
    answers.push_back(ToAnswer(response));
  }
  return answers;
}

SearchAnswer RemoteJudge::Search(const RecordedSearch& search) {
  v1::FilterRequest request;
  Fill(search.subject, *request.mutable_subject(), *request.mutable_context());
  request.set_resource_type(std::string(search.type));
  request.set_query(std::string(search.query));
  request.set_runner(v1::QUERY_RUNNER_PRIVILEGED);

  SearchAnswer answer;
  const auto response = client_->Filter(request);
  answer.status = response.status();
  if (!response.ok()) return answer;
  answer.permitted = response->kind() == v1::FILTER_KIND_ALWAYS_PERMITTED ||
                     response->kind() == v1::FILTER_KIND_CONDITIONAL;
  answer.http_status = static_cast<int>(response->medplum_http_status());
  answer.reason = ReasonText(response->reason());
  answer.message = response->message();
  answer.strict_rules = StrictRules(response->notes());
  answer.queries.assign(response->queries().begin(), response->queries().end());
  answer.single_query = response->single_query();
  answer.inexact.assign(response->inexact().begin(), response->inexact().end());
  return answer;
}

EffectiveAnswer RemoteJudge::Describe(
    const RecordedEffectivePolicy& effective) {
  v1::DescribeAccessRequest request;
  Fill(effective.subject, *request.mutable_subject(),
       *request.mutable_context());

  EffectiveAnswer answer;
  const auto response = client_->DescribeAccess(request);
  answer.status = response.status();
  if (!response.ok()) return answer;
  answer.reason = ReasonText(response->reason());
  answer.message = response->message();
  answer.strict_rules = StrictRules(response->notes());
  if (response->effective_policy().empty()) {
    answer.http_status = static_cast<int>(response->medplum_http_status());
    return answer;
  }
  answer.http_status = 200;
  answer.access_policy = response->effective_policy();
  answer.project = response->project();
  answer.profile = response->profile();
  return answer;
}

}  // namespace pdp::ctl

#include "pdp/service/gateway.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/log.h"
#include "pdp/base/log_limiter.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/json.h"
#include "pdp/gateway/request_target.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/record_access.h"
#include "pdp/service/trace_context.h"

namespace pdp::service {
namespace {

using gateway::Question;

constexpr int kLinesPerSecond = 5;
constexpr size_t kMaxHeaderBytes = 8192;

void FillSubject(const Question& question, v1::Subject& subject) {
  if (question.access_token.empty()) return;
  subject.set_access_token(std::string(question.access_token));
}

void FillContext(const Question& question, v1::Context& context) {
  context.set_extended_mode(question.extended_mode);
  if (!question.remote_address.empty()) {
    context.set_remote_address(ToValidUtf8(question.remote_address));
  }
  if (!question.on_behalf_of.empty()) {
    context.set_on_behalf_of(std::string(question.on_behalf_of));
  }
  if (!question.tenant.empty()) {
    context.add_active_tenants(std::string(question.tenant));
  }
  context.set_use_stored_tenant(question.use_stored_tenant);
  context.set_user_agent(ToValidUtf8(question.user_agent));
  context.set_request_id(std::string(AsRequestId(question.request_id)));
  context.set_traceparent(std::string(AsTraceparent(question.traceparent)));
}

v1::CheckRequest ToCheck(const Question& question) {
  v1::CheckRequest check;
  FillSubject(question, *check.mutable_subject());
  FillContext(question, *check.mutable_context());
  check.set_interaction(static_cast<v1::Interaction>(question.interaction));
  v1::Resource& resource = *check.mutable_resource();
  resource.set_type(std::string(question.type));
  resource.set_id(std::string(question.id));
  resource.set_version_id(std::string(question.version_id));
  resource.set_proposed(std::string(question.proposed));
  return check;
}

// Paths of elements as the value of a header; nothing where they cannot be one.
template <typename Fields>
std::optional<std::string> FieldsHeader(const Fields& fields) {
  for (const std::string& field : fields) {
    const bool is_plain =
        !field.empty() && std::all_of(field.begin(), field.end(), [](char c) {
          return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != ',';
        });
    if (!is_plain) return std::nullopt;
  }
  std::string value = absl::StrJoin(fields, ",");
  if (value.size() > kMaxHeaderBytes) return std::nullopt;
  return value;
}

// What a permit asks to be done; what is not asked is empty.
struct Obligations {
  std::vector<std::string> hidden;
  std::vector<std::string> readonly;
};

void SortUnique(std::vector<std::string>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

Obligations ObligationsOf(const v1::Decision& decision, bool writes) {
  Obligations found;
  found.hidden.assign(decision.hidden_fields().begin(),
                      decision.hidden_fields().end());
  for (const v1::VersionFields& version : decision.versions()) {
    found.hidden.insert(found.hidden.end(), version.hidden_fields().begin(),
                        version.hidden_fields().end());
  }
  SortUnique(found.hidden);
  found.readonly.assign(decision.readonly_fields().begin(),
                        decision.readonly_fields().end());
  if (writes) {  // What is hidden cannot be written either.
    found.readonly.insert(found.readonly.end(), found.hidden.begin(),
                          found.hidden.end());
    SortUnique(found.readonly);
  }
  return found;
}

// "" where `rules` have it that the upstream does all of it, or what it does
// not do.
std::string_view AddObligations(const GatewayRules& rules,
                                const Obligations& wanted,
                                GatewayAnswer& answer) {
  const auto hidden = FieldsHeader(wanted.hidden);
  const auto readonly = FieldsHeader(wanted.readonly);
  if (!hidden || !readonly) return "obligations that no header can say";
  if (!hidden->empty()) {
    if (!rules.honors_hidden_fields) return "hidden-fields";
    answer.headers.emplace_back(kHiddenFieldsHeader, *hidden);
  }
  if (!readonly->empty()) {
    if (!rules.honors_readonly_fields) return "readonly-fields";
    answer.headers.emplace_back(kReadonlyFieldsHeader, *readonly);
  }
  return "";
}

// Of a permit that does not pass here: the log says why, the audit log that
// nothing came of it.
void Withhold(const CallAttempt& attempt, std::string_view why,
              GatewayAnswer& answer) {
  answer.is_permitted = false;
  answer.http_status = 403;
  answer.headers.clear();
  answer.target.clear();
  static LogLimiter limiter(kLinesPerSecond);
  if (const auto left_out = limiter.Allow(absl::Now())) {
    Log(Severity::kWarning, "gateway_withheld",
        {{"decision_id", answer.decision_id},
         {"needs", why},
         {"lines_left_out", *left_out}});
  }
  if (attempt.ledger == nullptr) return;
  v1::RecordAccessRequest withheld;
  withheld.set_decision_id(answer.decision_id);
  withheld.set_event("withheld");
  withheld.set_success(true);
  const CallOutcome recorded = RecordAccess(attempt, withheld);
  if (!recorded.status.ok()) {
    Log(Severity::kError, "gateway_not_recorded",
        {{"decision_id", answer.decision_id},
         {"error", ToStd(recorded.status.message())}});
  }
}

// `Type?a=b` -> `a=b`.
std::string_view QueryOf(std::string_view search) {
  const size_t mark = search.find('?');
  return mark == std::string_view::npos ? std::string_view()
                                        : search.substr(mark + 1);
}

// Whether it can stand in a header and in a target.
bool IsPlainSearch(std::string_view search, std::string_view type) {
  const bool is_of_type =
      search.starts_with(type) &&
      (search.size() == type.size() || search[type.size()] == '?');
  return is_of_type && search.size() <= kMaxHeaderBytes &&
         std::all_of(search.begin(), search.end(), [](char c) {
           return absl::ascii_isgraph(static_cast<unsigned char>(c)) &&
                  c != '#';
         });
}

}  // namespace

std::string GatewayAnswer::Body() const {
  if (decision_id.empty()) return "{}";
  return StrCat("{\"decisionId\":", fhir::QuoteJson(decision_id), "}");
}

GatewayAnswer Gateway::Failure(const absl::Status& status) {
  GatewayAnswer answer;
  // What is malformed is what the client sent.
  if (absl::IsInvalidArgument(status)) answer.http_status = 400;
  return answer;
}

CallOutcome Gateway::Decide(Method method, const CallAttempt& attempt,
                            const gateway::HttpRequest& request,
                            GatewayAnswer& answer) const {
  answer = {};
  const Question question = gateway::Ask(rules_.options, request);
  answer.headers_to_remove = question.foreign_headers;
  CallOutcome outcome;
  switch (question.kind) {
    case Question::Kind::kOpen:
      answer.is_permitted = true;
      return {};
    case Question::Kind::kCheck:
      outcome = Check(method, attempt, question, answer);
      break;
    case Question::Kind::kSearch:
      outcome = Search(method, attempt, question, answer);
      break;
    case Question::Kind::kRefused:
    case Question::Kind::kUnidentified: {
      const bool is_refused = question.kind == Question::Kind::kRefused;
      v1::CheckResponse response;
      decisions_.Refuse(attempt, ToCheck(question),
                        is_refused ? policy::Reason::kNotSupported
                                   : policy::Reason::kTokenInvalid,
                        question.why, response, method);
      answer.decision_id = response.decision().decision_id();
      answer.http_status =
          static_cast<int>(response.decision().enforcement_http_status());
      return {};
    }
  }
  if (!outcome.status.ok()) answer = Failure(outcome.status);
  if (answer.is_permitted) {
    answer.headers.emplace_back(kDecisionIdHeader, answer.decision_id);
  } else if (answer.http_status < 400) {
    answer.http_status = 403;  // A denial is never taken for a success.
  }
  return outcome;
}

CallOutcome Gateway::Check(Method method, const CallAttempt& attempt,
                           const Question& question,
                           GatewayAnswer& answer) const {
  v1::CheckResponse response;
  CallOutcome outcome =
      decisions_.Check(attempt, ToCheck(question), response, method);
  if (outcome.pending() || !outcome.status.ok()) return outcome;
  const v1::Decision& decision = response.decision();
  answer.decision_id = decision.decision_id();
  answer.http_status = static_cast<int>(decision.enforcement_http_status());
  switch (decision.effect()) {
    case v1::EFFECT_PERMIT:
      answer.is_permitted = true;
      break;
    case v1::EFFECT_PERMIT_WITH_OBLIGATIONS: {
      const Obligations wanted =
          ObligationsOf(decision, !question.proposed.empty());
      const bool says_what = !wanted.hidden.empty() || !wanted.readonly.empty();
      const std::string_view missing =
          says_what ? AddObligations(rules_, wanted, answer)
                    : "obligations that are not known here";
      answer.is_permitted = missing.empty();
      if (!missing.empty()) Withhold(attempt, missing, answer);
      break;
    }
    default:
      break;
  }
  return {};
}

CallOutcome Gateway::Search(Method method, const CallAttempt& attempt,
                            const Question& question,
                            GatewayAnswer& answer) const {
  v1::FilterRequest filter;
  FillSubject(question, *filter.mutable_subject());
  FillContext(question, *filter.mutable_context());
  filter.set_resource_type(std::string(question.type));
  filter.set_query(question.query);
  filter.set_runner(rules_.is_same_project ? v1::QUERY_RUNNER_SAME_PROJECT
                                           : v1::QUERY_RUNNER_PRIVILEGED);
  v1::FilterResponse response;
  CallOutcome outcome = decisions_.Filter(attempt, filter, response, method);
  if (outcome.pending() || !outcome.status.ok()) return outcome;
  answer.decision_id = response.decision_id();
  answer.http_status = static_cast<int>(response.enforcement_http_status());
  const bool is_all = response.kind() == v1::FILTER_KIND_ALWAYS_PERMITTED;
  if (!is_all && response.kind() != v1::FILTER_KIND_CONDITIONAL) return {};
  answer.is_permitted = true;

  const std::string& permitted = response.single_query();
  if (!response.inexact().empty() || permitted.empty() ||
      !IsPlainSearch(permitted, question.type)) {
    Withhold(attempt, "a search that can be said exactly", answer);
    return {};
  }
  Obligations wanted;
  if (response.strip_fields_required()) {
    wanted.hidden.assign(response.hidden_fields().begin(),
                         response.hidden_fields().end());
    if (wanted.hidden.empty()) {
      Withhold(attempt, "obligations that are not known here", answer);
      return {};
    }
  }
  if (const std::string_view missing = AddObligations(rules_, wanted, answer);
      !missing.empty()) {
    Withhold(attempt, missing, answer);
    return {};
  }
  // What the upstream takes a compartment's search for is not known here, only
  // that it finds nothing of another type.
  const bool is_same =
      gateway::IsSameQuery(question.query, QueryOf(permitted)) &&
      (is_all || !question.is_of_compartment);
  if (is_same) return {};
  switch (rules_.wider_search) {
    case WiderSearch::kInHeader:
      answer.headers.emplace_back(kQueryHeader, permitted);
      return {};
    case WiderSearch::kRewritten:
      if (!question.is_in_path) break;
      answer.target = StrCat(rules_.options.base_path, "/", permitted);
      return {};
    case WiderSearch::kDenied:
      break;
  }
  Withhold(attempt, "a narrower search", answer);
  return {};
}

}  // namespace pdp::service

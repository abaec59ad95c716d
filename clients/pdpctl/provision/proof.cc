#include "clients/pdpctl/provision/proof.h"

#include <algorithm>

#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "pdp/base/clock.h"
#include "pdp/base/strings.h"
#include "pdp/policy/membership.h"

namespace pdp::provision {
namespace {

namespace v1 = ::medplum::pdp::v1;

constexpr absl::Duration kPause = absl::Milliseconds(200);
// Asked for where no entry names a type that may be searched.
constexpr char kAnyType[] = "Patient";

bool GrantsSearch(fhir::JsonElement entry) {
  if (!fhir::Member(entry, "interaction")) return true;
  bool grants = false;
  fhir::ForEachItem(entry, "interaction", [&](fhir::JsonElement one) {
    grants = grants || fhir::AsString(one) == "search";
  });
  return grants;
}

// The first type that the policy grants searches of; empty: none.
std::string SearchedType(const fhir::Resource& policy) {
  std::string found;
  fhir::ForEachItem(policy.root(), "resource", [&](fhir::JsonElement entry) {
    const std::string type(fhir::StringMember(entry, "resourceType"));
    if (found.empty() && GrantsSearch(entry)) {
      found = type == "*" ? kAnyType : type;
    }
  });
  return found;
}

fhir::ResourcePtr FindPolicy(const Observed& observed,
                             const std::string& policy) {
  if (policy.starts_with("@")) {
    const auto found = observed.Find(policy.substr(1));
    return found.empty() ? nullptr : found.front();
  }
  for (const fhir::ResourcePtr& other : observed.others()) {
    if (other->key().ToString() == policy) return other;
  }
  return nullptr;
}

Answer ToAnswer(const absl::StatusOr<v1::CheckResponse>& response) {
  if (!response.ok()) {
    return {Answer::Kind::kNone,
            StrCat("no decision: ", ToStd(response.status().message()))};
  }
  const v1::Decision& decision = response->decision();
  if (decision.effect() == v1::EFFECT_PERMIT ||
      decision.effect() == v1::EFFECT_PERMIT_WITH_OBLIGATIONS) {
    return {Answer::Kind::kPermitted, "permitted"};
  }
  if (decision.effect() != v1::EFFECT_DENY) {
    return {Answer::Kind::kNone, "no decision that is known here"};
  }
  const std::string reason = v1::Reason_Name(decision.reason());
  return {Answer::Kind::kDenied,
          StrCat("denied (", ToStd(absl::StripPrefix(reason, "REASON_")), ")")};
}

}  // namespace

Question QuestionOf(const Observed& observed, const fhir::Resource& membership,
                    std::string_view tenant) {
  Question question;
  question.membership = membership.key().ToString();
  const std::string key = IdentifierOf(membership, observed.system());
  if (!key.empty()) question.name = key.substr(key.find('/') + 1);
  question.tenant = observed.ToReference(tenant);
  question.type = kAnyType;
  const auto content = observed.ContentOf(membership);
  if (!content.ok()) return question;
  for (const policy::AccessItem& item : content->access) {
    const bool is_of_tenant =
        tenant.empty() ||
        std::any_of(item.parameters.begin(), item.parameters.end(),
                    [&](const auto& p) { return p.value == tenant; });
    if (!is_of_tenant) continue;
    const auto policy = FindPolicy(observed, item.policy.reference);
    const std::string type = policy ? SearchedType(*policy) : "";
    if (type.empty()) continue;
    question.type = type;
    break;
  }
  return question;
}

std::vector<Answer> AskAll(const ctl::RpcClient& client,
                           const std::vector<Question>& questions) {
  std::vector<v1::CheckRequest> requests;
  for (const Question& question : questions) {
    v1::CheckRequest request;
    request.mutable_subject()->set_reference(question.membership);
    if (!question.tenant.empty()) {
      request.mutable_context()->add_active_tenants(question.tenant);
    }
    request.set_interaction(v1::INTERACTION_SEARCH);
    request.mutable_resource()->set_type(question.type);
    requests.push_back(std::move(request));
  }
  std::vector<Answer> answers;
  for (const auto& response : client.CheckAll(requests)) {
    answers.push_back(ToAnswer(response));
  }
  return answers;
}

std::vector<Answer> AskUntil(const ctl::RpcClient& client,
                             const std::vector<Question>& questions,
                             Answer::Kind wanted, absl::Duration limit) {
  const Clock& clock = Clock::Real();
  const absl::Duration end = clock.SinceBoot() + limit;
  while (true) {
    std::vector<Answer> answers = AskAll(client, questions);
    const bool is_done =
        std::all_of(answers.begin(), answers.end(),
                    [&](const Answer& one) { return one.kind == wanted; });
    if (is_done || clock.SinceBoot() >= end) return answers;
    absl::SleepFor(kPause);
  }
}

}  // namespace pdp::provision

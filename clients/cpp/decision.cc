#include "medplum_pdp/decision.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "pdp/base/strings.h"

namespace medplum_pdp {
namespace {

constexpr std::string_view kReasonPrefix = "REASON_";

std::string ReasonText(v1::Reason reason) {
  const std::string& name = v1::Reason_Name(reason);
  return name.starts_with(kReasonPrefix) ? name.substr(kReasonPrefix.size())
                                         : name;
}

Obligations ObligationsOf(const v1::Decision& message) {
  Obligations obligations;
  if (message.hidden_fields_size() > 0) {
    obligations.Add(Obligation::kHiddenFields);
  }
  if (message.readonly_fields_size() > 0 ||
      message.write().restored_fields_size() > 0) {
    obligations.Add(Obligation::kReadonlyFields);
  }
  if (message.versions_size() > 0) {
    obligations.Add(Obligation::kVersionFields);
  }
  return obligations;
}

// Why `message` cannot be acted on; empty where it can.
std::string_view Fault(const v1::Decision& message) {
  if (!v1::Reason_IsValid(message.reason()) ||
      message.reason() == v1::REASON_UNSPECIFIED) {
    return "its reason is not known here";
  }
  const bool is_permitted = message.reason() == v1::REASON_PERMITTED;
  switch (message.effect()) {
    case v1::EFFECT_DENY:
      return is_permitted ? "it denies what is PERMITTED" : "";
    case v1::EFFECT_PERMIT:
    case v1::EFFECT_PERMIT_WITH_OBLIGATIONS: {
      if (!is_permitted) return "it permits for a reason other than PERMITTED";
      if (message.enforcement_http_status() != 200) {
        return "it permits with a status other than 200";
      }
      const bool is_plain = message.effect() == v1::EFFECT_PERMIT;
      if (is_plain == ObligationsOf(message).empty()) return "";
      return is_plain ? "a plain permit carries obligations"
                      : "its obligations are not known here";
    }
    default:
      return "its effect is not known here";
  }
}

Effect EffectOf(const v1::Decision& message) {
  switch (message.effect()) {
    case v1::EFFECT_PERMIT:
      return Effect::kPermit;
    case v1::EFFECT_PERMIT_WITH_OBLIGATIONS:
      return Effect::kPermitWithObligations;
    default:
      return Effect::kDeny;
  }
}

int DenialStatus(uint32_t enforcement_http_status) {
  return enforcement_http_status == 401 || enforcement_http_status == 503
             ? static_cast<int>(enforcement_http_status)
             : 403;
}

absl::Status Denial(int http_status, const std::string& text) {
  switch (http_status) {
    case 401:
      return absl::UnauthenticatedError(text);
    case 503:
      return absl::UnavailableError(text);
    default:
      return absl::PermissionDeniedError(text);
  }
}

bool IsIdCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
         c == '.' || c == '_';
}

}  // namespace

std::string_view EffectText(Effect effect) {
  switch (effect) {
    case Effect::kNoDecision:
      return "NO_DECISION";
    case Effect::kDeny:
      return "DENY";
    case Effect::kPermit:
      return "PERMIT";
    case Effect::kPermitWithObligations:
      return "PERMIT_WITH_OBLIGATIONS";
  }
  return "NO_DECISION";
}

Decision::Decision() : Decision(absl::UnknownError("nothing was asked")) {}

Decision::Decision(absl::Status status) : status_(std::move(status)) {}

Decision Decision::From(v1::Decision message) {
  const std::string_view fault = Fault(message);
  if (!fault.empty()) {
    return Decision(absl::InternalError(
        pdp::StrCat("the answer is not understood: ", fault)));
  }
  Decision decision((absl::Status()));
  decision.effect_ = EffectOf(message);
  decision.message_ = std::move(message);
  return decision;
}

bool Decision::permitted_if(Obligations honored) const {
  return permitted() ||
         (permitted_with_obligations() && honored.Cover(obligations()));
}

Obligations Decision::obligations() const { return ObligationsOf(message_); }

int Decision::http_status(Obligations honored) const {
  if (permitted_if(honored)) return 200;
  switch (effect_) {
    case Effect::kNoDecision:
      return 503;
    case Effect::kDeny:
      return DenialStatus(message_.enforcement_http_status());
    default:
      return 403;
  }
}

absl::Status Decision::Require(Obligations honored) const {
  if (permitted_if(honored)) return absl::OkStatus();
  if (no_decision()) {
    return absl::UnavailableError(
        pdp::StrCat("no decision: ", status_.ToString()));
  }
  const std::string_view what =
      denied() ? "denied" : "permitted with obligations that are not honored";
  return Denial(
      http_status(honored),
      pdp::StrCat(what, ": ", reason(), " (decision ", decision_id(), ")"));
}

std::string Decision::ToString() const {
  const std::string_view effect = EffectText(effect_);
  if (no_decision()) return pdp::StrCat(effect, ": ", status_.ToString());
  return pdp::StrCat(effect, ": ", reason(), " (decision ", decision_id(), ")");
}

std::string Decision::reason() const {
  return no_decision() ? "" : ReasonText(message_.reason());
}

absl::Status Require(const v1::FilterResponse& answer) {
  const bool may_find = answer.kind() == v1::FILTER_KIND_ALWAYS_PERMITTED ||
                        answer.kind() == v1::FILTER_KIND_CONDITIONAL;
  if (may_find) return absl::OkStatus();
  return Denial(DenialStatus(answer.enforcement_http_status()),
                pdp::StrCat("denied: ", ReasonText(answer.reason()),
                            " (decision ", answer.decision_id(), ")",
                            answer.reason() == v1::REASON_QUERY_NOT_SAFE
                                ? pdp::StrCat(": ", answer.message())
                                : ""));
}

int HttpStatusOf(const absl::Status& required) {
  switch (required.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    default:
      return 503;
  }
}

std::string DenialBody(const Decision& decision) {
  const std::string& id = decision.decision_id();
  const bool is_id =
      !id.empty() && std::all_of(id.begin(), id.end(), IsIdCharacter);
  return is_id ? pdp::StrCat("{\"decisionId\":\"", id, "\"}")
               : "{\"decisionId\":null}";
}

}  // namespace medplum_pdp

#include "pdp/medplum/answer_status.h"

#include <string>

#include "pdp/base/strings.h"
#include "pdp/medplum/answers.h"
#include "pdp/medplum/url.h"

namespace pdp::medplum {
namespace {

constexpr std::string_view kTokenRequest = "the token endpoint";

std::string Message(const HttpAnswer& answer, std::string_view what) {
  const std::string text = ParseErrorText(answer.body);
  return text.empty() ? StrCat(what, ": ", answer.code)
                      : StrCat(what, ": ", answer.code, " ", text);
}

// How Medplum refuses a login whose policies cannot be read (semantics S-1).
bool SaysPolicyIsUnusable(const HttpAnswer& answer) {
  return answer.code == 400 &&
         ParseErrorText(answer.body).starts_with("Cannot authenticate");
}

// How it refuses one whose project, membership or profile is gone.
bool SaysLoginIsUnusable(const HttpAnswer& answer) {
  return answer.code == 400 &&
         ParseErrorText(answer.body).starts_with("Authentication error");
}

absl::Status RedirectStatus(const HttpAnswer& answer, std::string_view what) {
  const auto url = Url::Parse(answer.location);
  return absl::FailedPreconditionError(
      StrCat(what, ": ", answer.code, ": the server sends to ",
             url.ok() ? url->Origin() : std::string("another address"),
             ", which is not followed: set the base URL to the one that the "
             "server is configured with"));
}

}  // namespace

absl::Status AnswerStatus(const HttpExchange& exchange, std::string_view what) {
  if (!exchange.status.ok()) {
    const std::string message =
        StrCat(what, ": ", ToStd(exchange.status.message()));
    const bool too_large = absl::IsResourceExhausted(exchange.status);
    return {too_large ? absl::StatusCode::kDataLoss : exchange.status.code(),
            message};
  }
  const HttpAnswer& answer = exchange.answer;
  const int code = answer.code;
  if (code >= 200 && code < 300) return absl::OkStatus();
  if (code >= 300 && code < 400) return RedirectStatus(answer, what);
  const std::string message = Message(answer, what);
  if (code == 401 || SaysPolicyIsUnusable(answer)) {
    return absl::UnauthenticatedError(message);
  }
  if (code == 403) return absl::PermissionDeniedError(message);
  if (code == 404 || code == 410) {
    // Gateways answer 404 for themselves.
    return IsOperationOutcome(answer.body) ? absl::NotFoundError(message)
                                           : absl::DataLossError(message);
  }
  if (code == 408 || code == 429 || code >= 500) {
    return absl::UnavailableError(message);
  }
  if (code >= 400) return absl::InvalidArgumentError(message);
  return absl::DataLossError(message);
}

bool RefusesToken(const HttpExchange& exchange) {
  return exchange.status.ok() && (exchange.answer.code == 401 ||
                                  SaysPolicyIsUnusable(exchange.answer) ||
                                  SaysLoginIsUnusable(exchange.answer));
}

absl::Status TokenAnswerStatus(const HttpExchange& exchange) {
  const int code = exchange.answer.code;
  const bool is_refusal = code == 400 || code == 401 || code == 403;
  if (exchange.status.ok() && is_refusal &&
      (code == 401 || IsOAuthError(exchange.answer.body))) {
    return absl::UnauthenticatedError(
        StrCat(Message(exchange.answer, kTokenRequest),
               ": check the client's id and secret or key, and that its "
               "membership is active"));
  }
  return AnswerStatus(exchange, kTokenRequest);
}

}  // namespace pdp::medplum

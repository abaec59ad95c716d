#include "pdp/medplum/token_client.h"

#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/answer_status.h"
#include "pdp/medplum/answers.h"

namespace pdp::medplum {
namespace {

constexpr std::string_view kKeysPath = ".well-known/jwks.json";

// What the server says of a token that it does not take; OK for any other
// answer.  What something in between says is not the server's word.
absl::Status Refusal(const HttpExchange& exchange) {
  if (!exchange.status.ok() || !IsOperationOutcome(exchange.answer.body)) {
    return absl::OkStatus();
  }
  switch (exchange.answer.code) {
    case 400:
      return absl::InvalidArgumentError("the server cannot authenticate by it");
    case 401:
    case 403:
      return absl::UnauthenticatedError("the server does not take it");
    default:
      return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenClient>> TokenClient::Open(
    TokenClientOptions options) {
  PDP_ASSIGN_OR_RETURN(Url base, ParseBaseUrl(options.base_url));
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<Http> http, Http::Open(options.http));
  return std::unique_ptr<TokenClient>(new TokenClient(
      std::move(base), std::move(http), std::move(options.retry)));
}

absl::StatusOr<KeySet> TokenClient::FetchKeys() {
  const HttpExchange exchange =
      http_.Send({.url = StrCat(base_.ToString(), kKeysPath),
                  .headers = {"Accept: application/json"}},
                 RetryingHttp::Repeat::kAlways);
  PDP_RETURN_IF_ERROR(AnswerStatus(exchange, StrCat("GET ", kKeysPath)));
  return ParseKeySet(exchange.answer.body);
}

absl::StatusOr<LoginInfo> TokenClient::WhoIs(std::string_view token,
                                             std::string_view project) {
  const std::string path = project.empty()
                               ? std::string("auth/me")
                               : StrCat("projects/", project, "/auth/me");
  const HttpExchange exchange =
      http_.Send({.url = StrCat(base_.ToString(), path),
                  .headers = {"Accept: application/json",
                              StrCat("Authorization: Bearer ", token)}},
                 RetryingHttp::Repeat::kAlways);
  PDP_RETURN_IF_ERROR(Refusal(exchange));
  PDP_RETURN_IF_ERROR(AnswerStatus(exchange, "GET auth/me"));
  return ParseLoginInfo(exchange.answer.body);
}

}  // namespace pdp::medplum

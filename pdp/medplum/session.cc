#include "pdp/medplum/session.h"

#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/answer_status.h"

namespace pdp::medplum {

absl::StatusOr<std::unique_ptr<Session>> Session::Open(SessionOptions options) {
  PDP_ASSIGN_OR_RETURN(Url base, ParseBaseUrl(options.base_url));
  const Credentials& credentials = options.credentials;
  if (credentials.client_id.empty() ||
      credentials.client_secret_file.empty() ==
          credentials.private_key_file.empty()) {
    return absl::InvalidArgumentError(
        "a client's id, and one of a secret file and a private key file, are "
        "needed");
  }
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<Http> http, Http::Open(options.http));
  return std::unique_ptr<Session>(
      new Session(std::move(base), std::move(http), std::move(options)));
}

Session::Session(Url base, std::unique_ptr<Http> http, SessionOptions options)
    : base_(std::move(base)),
      http_(std::move(http), std::move(options.retry)),
      tokens_(StrCat(base_.ToString(), "oauth2/token"),
              std::move(options.credentials), http_) {}

absl::StatusOr<HttpExchange> Session::Send(const Request& request) {
  HttpRequest http{.method = request.method,
                   .url = base_.ToString() + request.target,
                   .body = request.body,
                   .new_connection = !request.is_idempotent};
  const auto repeat = request.is_idempotent
                          ? RetryingHttp::Repeat::kAlways
                          : RetryingHttp::Repeat::kIfNotReceived;
  std::vector<std::string> headers = {
      "Accept: application/fhir+json, application/json;q=0.9",
      "X-Medplum: extended"};
  if (!request.body.empty()) {
    headers.push_back(StrCat("Content-Type: ", request.content_type));
  }
  headers.insert(headers.end(), request.headers.begin(), request.headers.end());
  if (!request.with_token) {
    http.headers = std::move(headers);
    return http_.Send(http, repeat);
  }
  while (true) {
    PDP_ASSIGN_OR_RETURN(const TokenSource::Token token, tokens_.Get());
    http.headers = headers;
    http.headers.push_back(StrCat("Authorization: Bearer ", token.text));
    HttpExchange exchange = http_.Send(http, repeat);
    if (!RefusesToken(exchange)) return exchange;
    tokens_.Discard(token);
    if (token.is_new) return exchange;
  }
}

}  // namespace pdp::medplum

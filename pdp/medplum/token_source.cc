#include "pdp/medplum/token_source.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/answer_status.h"
#include "pdp/medplum/answers.h"
#include "pdp/medplum/client_assertion.h"
#include "pdp/medplum/secret_file.h"
#include "pdp/medplum/url.h"

namespace pdp::medplum {
namespace {

constexpr absl::Duration kRenewBefore = absl::Minutes(1);

}  // namespace

TokenSource::TokenSource(std::string token_url, Credentials credentials,
                         RetryingHttp& http)
    : token_url_(std::move(token_url)),
      credentials_(std::move(credentials)),
      http_(http) {}

absl::StatusOr<TokenSource::Token> TokenSource::Get() {
  std::unique_lock lock(mutex_);
  const absl::Duration now = http_.clock().SinceBoot();
  if (!token_.empty() && now < renew_at_) return Token{token_, generation_};
  const uint64_t round = round_;
  const bool is_mine = !is_requesting_;
  if (is_mine) {
    is_requesting_ = true;
    lock.unlock();
    absl::Status result = Request();
    lock.lock();
    is_requesting_ = false;
    ++round_;
    last_result_ = std::move(result);
    requested_.notify_all();
  } else {
    requested_.wait(lock, [&] { return round_ != round; });
  }
  if (last_result_.ok()) return Token{token_, generation_, is_mine};
  // The old one is good for as long as it lives.
  if (absl::IsUnavailable(last_result_) && !token_.empty() &&
      http_.clock().SinceBoot() < ends_at_) {
    return Token{token_, generation_};
  }
  return last_result_;
}

void TokenSource::Discard(const Token& token) {
  const std::lock_guard lock(mutex_);
  if (token.generation == generation_) token_.clear();
}

absl::StatusOr<std::string> TokenSource::RequestBody(
    std::string& secret) const {
  const bool has_key = !credentials_.private_key_file.empty();
  PDP_ASSIGN_OR_RETURN(
      secret, ReadSecretFile(has_key ? credentials_.private_key_file
                                     : credentials_.client_secret_file));
  const std::string body = "grant_type=client_credentials";
  if (!has_key) {
    return StrCat(body, "&client_id=", PercentEncode(credentials_.client_id),
                  "&client_secret=", PercentEncode(secret));
  }
  PDP_ASSIGN_OR_RETURN(
      const std::string assertion,
      SignClientAssertion(secret, {.client_id = credentials_.client_id,
                                   .audience = token_url_,
                                   .key_id = credentials_.key_id,
                                   .now = http_.clock().Now()}));
  return StrCat(body, "&client_assertion_type=",
                PercentEncode("urn:ietf:params:oauth:client-assertion-type:"
                              "jwt-bearer"),
                "&client_assertion=", PercentEncode(assertion));
}

absl::Status TokenSource::Request() {
  std::string secret;
  PDP_ASSIGN_OR_RETURN(std::string body, RequestBody(secret));
  {
    const std::lock_guard lock(mutex_);
    if (secret == refused_secret_ &&
        http_.clock().SinceBoot() < refused_until_) {
      return refusal_;
    }
    ++statistics_.requests;
  }
  const absl::Duration asked_at = http_.clock().SinceBoot();
  const HttpExchange exchange =
      http_.Send({.method = HttpRequest::Method::kPost,
                  .url = token_url_,
                  .headers = {"Content-Type: application/x-www-form-urlencoded",
                              "Accept: application/json"},
                  .body = std::move(body)},
                 RetryingHttp::Repeat::kAlways);
  const absl::Status status = TokenAnswerStatus(exchange);

  std::unique_lock lock(mutex_);
  if (absl::IsUnauthenticated(status)) {
    ++statistics_.refused;
    token_.clear();
    refusal_ = status;
    refused_secret_ = secret;
    refused_until_ = http_.clock().SinceBoot() + kRefusalHold;
  }
  PDP_RETURN_IF_ERROR(status);
  lock.unlock();
  PDP_ASSIGN_OR_RETURN(AccessToken token,
                       ParseAccessToken(exchange.answer.body));
  lock.lock();
  token_ = std::move(token.text);
  ++generation_;
  ends_at_ = asked_at + token.lifetime;
  renew_at_ = ends_at_ - std::min(kRenewBefore, token.lifetime / 4);
  refused_secret_.clear();
  return absl::OkStatus();
}

TokenStatistics TokenSource::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace pdp::medplum

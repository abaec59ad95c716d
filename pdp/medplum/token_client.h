// TokenClient: a TokenApi over HTTP.

#ifndef PDP_MEDPLUM_TOKEN_CLIENT_H_
#define PDP_MEDPLUM_TOKEN_CLIENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/medplum/http.h"
#include "pdp/medplum/retry.h"
#include "pdp/medplum/token_api.h"
#include "pdp/medplum/url.h"

namespace pdp::medplum {

struct TokenClientOptions {
  std::string base_url;  // As ParseBaseUrl takes it.
  HttpOptions http;
  RetryOptions retry = {.max_attempts = 2};
};

class TokenClient final : public TokenApi {
 public:
  // InvalidArgument: the base URL or the CA file cannot be used.
  static absl::StatusOr<std::unique_ptr<TokenClient>> Open(
      TokenClientOptions options);

  absl::StatusOr<KeySet> FetchKeys() override;
  absl::StatusOr<LoginInfo> WhoIs(std::string_view token,
                                  std::string_view project) override;
  void Stop() override { http_.Stop(); }

 private:
  TokenClient(Url base, std::unique_ptr<Http> http, RetryOptions retry)
      : base_(std::move(base)), http_(std::move(http), std::move(retry)) {}

  const Url base_;
  RetryingHttp http_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_TOKEN_CLIENT_H_

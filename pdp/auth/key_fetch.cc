#include "pdp/auth/key_fetch.h"

#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/http.h"
#include "pdp/medplum/url.h"

namespace pdp::auth {
namespace {

constexpr size_t kMaxKeySetBytes = 256 * 1024;

absl::StatusOr<medplum::KeySet> Fetch(medplum::Http& http,
                                      const std::string& url) {
  const medplum::HttpExchange exchange =
      http.Send({.url = url, .headers = {"Accept: application/json"}});
  PDP_RETURN_IF_ERROR(exchange.status);
  if (exchange.answer.code != 200) {
    return absl::UnavailableError(
        StrCat("the issuer's keys: HTTP status ", exchange.answer.code));
  }
  return medplum::ParseKeySet(exchange.answer.body);
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeySource>> OpenKeysByUrl(
    const std::string& url, const std::string& ca_file) {
  PDP_ASSIGN_OR_RETURN(const medplum::Url parsed, medplum::Url::Parse(url));
  if (parsed.scheme != medplum::Url::Scheme::kHttps) {
    return absl::InvalidArgumentError("is no https: URL");
  }
  PDP_ASSIGN_OR_RETURN(
      std::unique_ptr<medplum::Http> opened,
      medplum::Http::Open(
          {.ca_file = ca_file, .max_response_bytes = kMaxKeySetBytes}));
  std::shared_ptr<medplum::Http> http = std::move(opened);
  return KeySource::OpenFetched(
      [http, url = parsed.ToString()] { return Fetch(*http, url); },
      [http] { http->Stop(); });
}

}  // namespace pdp::auth

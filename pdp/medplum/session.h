// Session: requests to a Medplum server under the login of one client.
//
// It asks whatever it is told to: what may be asked is for those on top of it.

#ifndef PDP_MEDPLUM_SESSION_H_
#define PDP_MEDPLUM_SESSION_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/medplum/http.h"
#include "pdp/medplum/retry.h"
#include "pdp/medplum/token_source.h"
#include "pdp/medplum/url.h"

namespace pdp::medplum {

struct SessionOptions {
  std::string base_url;  // As ParseBaseUrl takes it.
  Credentials credentials;
  HttpOptions http;
  RetryOptions retry;
};

// Thread-safe.
class Session {
 public:
  // InvalidArgument: the base URL or the CA file cannot be used, or not one of
  // a secret and a key is named.  Asks nothing yet.
  static absl::StatusOr<std::unique_ptr<Session>> Open(SessionOptions options);

  struct Request {
    HttpRequest::Method method = HttpRequest::Method::kGet;
    std::string target;  // Below the base URL.
    std::string body;
    std::string_view content_type = "application/fhir+json";
    std::vector<std::string> headers = {};  // `Name: value`; more of them.
    // It may be sent twice.
    bool is_idempotent = true;
    bool with_token = true;
  };
  // The last exchange.  Under a token that is refused it is sent once more,
  // under a new one.  The errors are those of getting a token.
  absl::StatusOr<HttpExchange> Send(const Request& request);

  // Ends every Send, now and later.
  void Stop() { http_.Stop(); }

  const Url& base() const { return base_; }
  HttpStatistics http_statistics() const { return http_.statistics(); }
  TokenStatistics token_statistics() const { return tokens_.statistics(); }

 private:
  Session(Url base, std::unique_ptr<Http> http, SessionOptions options);

  const Url base_;
  RetryingHttp http_;
  TokenSource tokens_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_SESSION_H_

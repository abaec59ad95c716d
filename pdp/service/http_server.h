// HttpServer answers HTTP requests: GET of monitoring (metrics and probes),
// POST of what a Medplum server notifies, and questions of proxies.

#ifndef PDP_SERVICE_HTTP_SERVER_H_
#define PDP_SERVICE_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/service/listen_address.h"

namespace pdp::service {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

struct HttpRequest {
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;  // As they came.
  std::string body;
  // Who is connected, as gRPC writes it: "ipv4:127.0.0.1:5000".
  std::string peer;

  // The first header of that name, in any case; empty where there is none.
  std::string_view Header(std::string_view name) const;
};

// Called from several threads at once.
using HttpHandler = std::function<HttpResponse()>;
using HttpPostHandler = std::function<HttpResponse(const HttpRequest&)>;

// By path, "/metrics".
using HttpPages = std::map<std::string, HttpHandler>;
using HttpPosts = std::map<std::string, HttpPostHandler>;

// Requests without a body, whatever their method: what is asked is in the
// headers, all of which are there.
using HttpQuestions = std::map<std::string, HttpPostHandler>;

class HttpServer {
 public:
  // Of what is posted; more is answered 413.
  static constexpr size_t kMaxBodyBytes = size_t{4} << 20;

  // Serves each handler under its path: `pages` for GET and HEAD, `posts` for
  // POST, `questions`.  Other paths are 404, other methods 405.
  // FailedPrecondition where the address is taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const ListenAddress& address, HttpPages pages, HttpPosts posts = {},
      HttpQuestions questions = {});

  // Waits for requests that are being answered.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the port that was picked.
  const ListenAddress& address() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_HTTP_SERVER_H_

// HttpServer answers GET requests of monitoring: metrics and probes.

#ifndef PDP_SERVICE_HTTP_SERVER_H_
#define PDP_SERVICE_HTTP_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "pdp/service/listen_address.h"

namespace pdp::service {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Called from several threads at once.
using HttpHandler = std::function<HttpResponse()>;

class HttpServer {
 public:
  // Serves each handler under its path, "/metrics".  Other paths are 404, other
  // methods than GET and HEAD 405.  FailedPrecondition where the address is
  // taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const ListenAddress& address,
      std::map<std::string, HttpHandler> handlers);

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

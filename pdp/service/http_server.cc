#include "pdp/service/http_server.h"

#include <civetweb.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pdp::service {
namespace {

std::string_view StatusText(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(std::map<std::string, HttpHandler> handlers)
      : handlers_(std::move(handlers)) {}

  ~Impl() {
    if (context_ == nullptr) return;
    // Civetweb looks whether it shall stop when somebody connects, or every two
    // seconds.
    const std::future<void> stopped =
        std::async(std::launch::async, [this] { mg_stop(context_); });
    while (stopped.wait_for(std::chrono::milliseconds(10)) !=
           std::future_status::ready) {
      Connect();
    }
  }

  absl::Status Listen(const ListenAddress& address) {
    const std::string listen = address.ToString();
    // No document root: files are never served.
    const char* options[] = {"listening_ports",
                             listen.c_str(),
                             "num_threads",
                             "2",
                             "request_timeout_ms",
                             "10000",
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             "5000",
                             "max_request_size",
                             "8192",
                             nullptr};
    mg_callbacks callbacks{};
    callbacks.begin_request = [](mg_connection* connection) {
      static_cast<const Impl*>(mg_get_user_data(mg_get_context(connection)))
          ->Answer(connection);
      return 1;  // Answered.
    };
    // Civetweb would write to a file or standard error.
    callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
    context_ = mg_start(&callbacks, this, options);
    mg_server_port port{};
    if (context_ == nullptr || mg_get_server_ports(context_, 1, &port) < 1) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot listen on ", listen,
                       " for HTTP; is another process using it?"));
    }
    address_ = address;
    address_.port = static_cast<uint16_t>(port.port);
    return absl::OkStatus();
  }

  const ListenAddress& address() const { return address_; }

 private:
  void Connect() const {
    mg_connection* connection =
        mg_connect_client(address_.host.c_str(), address_.port, /*use_ssl=*/0,
                          /*error_buffer=*/nullptr, 0);
    if (connection != nullptr) mg_close_connection(connection);
  }

  HttpResponse ResponseTo(const mg_request_info& request) const {
    const std::string_view method = request.request_method;
    if (method != "GET" && method != "HEAD") {
      return {.status = 405, .body = "only GET is served here\n"};
    }
    const auto handler = handlers_.find(request.local_uri);
    if (handler == handlers_.end()) {
      return {.status = 404, .body = "no such page\n"};
    }
    return handler->second();
  }

  void Answer(mg_connection* connection) const {
    const mg_request_info& request = *mg_get_request_info(connection);
    const HttpResponse response = ResponseTo(request);
    std::string text = absl::StrCat("HTTP/1.1 ", response.status, " ");
    text += StatusText(response.status);
    absl::StrAppend(&text, "\r\nContent-Type: ", response.content_type,
                    "\r\nContent-Length: ", response.body.size(),
                    "\r\nCache-Control: no-store\r\n");
    if (response.status == 405) text += "Allow: GET, HEAD\r\n";
    // What a refused request carries is not read, so the connection is not
    // used again.
    if (response.status == 405) text += "Connection: close\r\n";
    text += "\r\n";
    if (std::string_view(request.request_method) != "HEAD") {
      text += response.body;
    }
    mg_write(connection, text.data(), text.size());
  }

  const std::map<std::string, HttpHandler> handlers_;
  ListenAddress address_;
  mg_context* context_ = nullptr;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const ListenAddress& address, std::map<std::string, HttpHandler> handlers) {
  auto impl = std::make_unique<Impl>(std::move(handlers));
  const absl::Status status = impl->Listen(address);
  if (!status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

const ListenAddress& HttpServer::address() const { return impl_->address(); }

}  // namespace pdp::service

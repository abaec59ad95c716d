#include "pdp/service/http_server.h"

#include <civetweb.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <future>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

std::string_view StatusText(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 411:
      return "Length Required";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

// For a body to arrive; and for one that is not wanted.
constexpr std::chrono::seconds kBodyTimeout{10};
constexpr std::chrono::seconds kDiscardTimeout{2};
constexpr int64_t kMaxDiscarded = int64_t{64} << 20;

// A connection that is kept holds a thread; a Medplum server posts on 20.
constexpr const char* kThreadsForPages = "2";
constexpr const char* kThreadsForPosts = "32";

// Of a request line and its headers: a question has a token among them.
constexpr const char* kMaxHead = "8192";
constexpr const char* kMaxHeadOfQuestions = "65536";
// Civetweb takes no notice of headers past this many.
constexpr int kMaxHeaders = 64;

struct Answer {
  HttpResponse response;
  std::string_view allow = "";  // The header.
  bool close = false;
};

// What the refused request carries is not looked at, and the connection not
// used again.
Answer Refuse(int status, std::string_view why, std::string_view allow = "") {
  return {.response = {.status = status, .body = StrCat(why, "\n")},
          .allow = allow,
          .close = true};
}

// Nothing where it does not arrive.
std::optional<std::string> ReadBody(mg_connection* connection, size_t size) {
  const auto deadline = std::chrono::steady_clock::now() + kBodyTimeout;
  std::string body(size, '\0');
  size_t have = 0;
  while (have < size) {
    const int count = mg_read(connection, body.data() + have, size - have);
    if (count <= 0 || std::chrono::steady_clock::now() > deadline) {
      return std::nullopt;
    }
    have += static_cast<size_t>(count);
  }
  return body;
}

// Takes from a client what it is still sending: were the connection closed
// before, it would not see the answer.
void Discard(mg_connection* connection, int64_t size) {
  const auto deadline = std::chrono::steady_clock::now() + kDiscardTimeout;
  char buffer[16384];
  for (size = std::min(size, kMaxDiscarded); size > 0;) {
    const int count = mg_read(connection, buffer, sizeof buffer);
    if (count <= 0 || std::chrono::steady_clock::now() > deadline) return;
    size -= count;
  }
}

HttpRequest ReadHead(const mg_request_info& request) {
  HttpRequest head;
  head.path = request.local_uri;
  for (int i = 0; i < request.num_headers; ++i) {
    head.headers.emplace_back(request.http_headers[i].name,
                              request.http_headers[i].value);
  }
  const std::string_view address = request.remote_addr;
  const bool is_v6 = address.find(':') != std::string_view::npos;
  head.peer = is_v6 ? StrCat("ipv6:[", address, "]:", request.remote_port)
                    : StrCat("ipv4:", address, ":", request.remote_port);
  return head;
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, ToAbsl(name))) return value;
  }
  return "";
}

class HttpServer::Impl {
 public:
  Impl(HttpPages pages, HttpPosts posts, HttpQuestions questions)
      : pages_(std::move(pages)),
        posts_(std::move(posts)),
        questions_(std::move(questions)) {}

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
    const bool is_busy = !posts_.empty() || !questions_.empty();
    // No document root: files are never served.
    const char* options[] = {
        "listening_ports",
        listen.c_str(),
        "num_threads",
        is_busy ? kThreadsForPosts : kThreadsForPages,
        "request_timeout_ms",
        "10000",
        "enable_keep_alive",
        questions_.empty() ? "yes" : "no",
        "keep_alive_timeout_ms",
        "5000",
        "max_request_size",
        questions_.empty() ? kMaxHead : kMaxHeadOfQuestions,
        nullptr};
    mg_callbacks callbacks{};
    callbacks.begin_request = [](mg_connection* connection) {
      static_cast<const Impl*>(mg_get_user_data(mg_get_context(connection)))
          ->Serve(connection);
      return 1;  // Answered.
    };
    // Civetweb would write to a file or standard error.
    callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
    context_ = mg_start(&callbacks, this, options);
    mg_server_port port{};
    if (context_ == nullptr || mg_get_server_ports(context_, 1, &port) < 1) {
      return absl::FailedPreconditionError(
          StrCat("cannot listen on ", listen,
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

  Answer AnswerTo(mg_connection* connection,
                  const mg_request_info& request) const {
    const std::string_view method = request.request_method;
    const bool is_get = method == "GET" || method == "HEAD";
    const auto page = pages_.find(request.local_uri);
    const auto post = posts_.find(request.local_uri);
    const auto question = questions_.find(request.local_uri);
    if (question != questions_.end()) {
      return AnswerToQuestion(request, question->second);
    }
    if (is_get && page != pages_.end()) return {.response = page->second()};
    if (method == "POST" && post != posts_.end()) {
      return AnswerToPost(connection, request, post->second);
    }
    if (page != pages_.end()) {
      return Refuse(405, "only GET is served here", "GET, HEAD");
    }
    if (post != posts_.end()) {
      return Refuse(405, "only POST is served here", "POST");
    }
    return Refuse(404, "no such page");
  }

  static Answer AnswerToQuestion(const mg_request_info& request,
                                 const HttpPostHandler& handler) {
    if (request.num_headers >= kMaxHeaders) {
      return Refuse(431, "there are too many headers");
    }
    HttpRequest question = ReadHead(request);
    const bool has_body = request.content_length > 0 ||
                          !question.Header("transfer-encoding").empty();
    if (has_body) return Refuse(413, "a question has no body");
    return {.response = handler(question), .close = true};
  }

  static Answer AnswerToPost(mg_connection* connection,
                             const mg_request_info& request,
                             const HttpPostHandler& handler) {
    if (request.content_length < 0) {
      return Refuse(411, "Content-Length is needed");
    }
    const auto size = static_cast<uint64_t>(request.content_length);
    if (size > kMaxBodyBytes) return Refuse(413, "the body is too large");
    HttpRequest post = ReadHead(request);
    std::optional<std::string> body = ReadBody(connection, size);
    if (!body) return Refuse(400, "the body is cut short");
    post.body = *std::move(body);
    return {.response = handler(post)};
  }

  void Serve(mg_connection* connection) const {
    const mg_request_info& request = *mg_get_request_info(connection);
    const Answer answer = AnswerTo(connection, request);
    const HttpResponse& response = answer.response;
    std::string text =
        StrCat("HTTP/1.1 ", response.status, " ", StatusText(response.status),
               "\r\nContent-Type: ", response.content_type,
               "\r\nContent-Length: ", response.body.size(),
               "\r\nCache-Control: no-store\r\n");
    for (const auto& [name, value] : response.headers) {
      text += StrCat(name, ": ", value, "\r\n");
    }
    if (!answer.allow.empty()) text += StrCat("Allow: ", answer.allow, "\r\n");
    if (answer.close) {
      text += "Connection: close\r\n";
      mg_disable_connection_keep_alive(connection);
    }
    text += "\r\n";
    if (std::string_view(request.request_method) != "HEAD") {
      text += response.body;
    }
    mg_write(connection, text.data(), text.size());
    if (answer.close) Discard(connection, request.content_length);
  }

  const HttpPages pages_;
  const HttpPosts posts_;
  const HttpQuestions questions_;
  ListenAddress address_;
  mg_context* context_ = nullptr;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const ListenAddress& address, HttpPages pages, HttpPosts posts,
    HttpQuestions questions) {
  auto impl = std::make_unique<Impl>(std::move(pages), std::move(posts),
                                     std::move(questions));
  const absl::Status status = impl->Listen(address);
  if (!status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

const ListenAddress& HttpServer::address() const { return impl_->address(); }

}  // namespace pdp::service

#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "pdp/base/strings.h"

namespace pdp {
namespace {

void Check(bool ok) {
  if (!ok) std::abort();
}

SSL_CTX* MakeTls(const ServerCertificate& certificate) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  BIO* const certificate_bio =
      BIO_new_mem_buf(certificate.certificate.data(), -1);
  BIO* const key_bio = BIO_new_mem_buf(certificate.private_key.data(), -1);
  X509* const x509 =
      PEM_read_bio_X509(certificate_bio, nullptr, nullptr, nullptr);
  EVP_PKEY* const key =
      PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
  Check(SSL_CTX_use_certificate(context, x509) == 1);
  Check(SSL_CTX_use_PrivateKey(context, key) == 1);
  X509_free(x509);
  EVP_PKEY_free(key);
  BIO_free(certificate_bio);
  BIO_free(key_bio);
  return context;
}

// The bytes of one connection, in the clear or not.
class Stream {
 public:
  Stream(int socket, SSL_CTX* tls) : socket_(socket) {
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, socket);
    is_broken_ = SSL_accept(ssl_) != 1;
  }
  ~Stream() { SSL_free(ssl_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Appends what there is; false at the end.
  bool Read(std::string& text) {
    if (is_broken_) return false;
    char buffer[4096];
    const ssize_t count = ssl_ != nullptr
                              ? SSL_read(ssl_, buffer, sizeof buffer)
                              : recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    text.append(buffer, static_cast<size_t>(count));
    return true;
  }

  bool Write(std::string_view text) {
    while (!text.empty() && !is_broken_) {
      const ssize_t count =
          ssl_ != nullptr
              ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
              : send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<size_t>(count));
    }
    return !is_broken_;
  }

 private:
  const int socket_;
  SSL* ssl_ = nullptr;
  bool is_broken_ = false;
};

// Takes one request from the front of what was read; false at the end.
bool ReadRequest(Stream& stream, std::string& unread, ServerRequest& request) {
  size_t head_end = 0;
  while ((head_end = unread.find("\r\n\r\n")) == std::string::npos) {
    if (!stream.Read(unread)) return false;
  }
  const std::string head = unread.substr(0, head_end + 2);
  unread.erase(0, head_end + 4);
  size_t at = head.find("\r\n");
  const std::string line = head.substr(0, at);
  request.method = line.substr(0, line.find(' '));
  request.target = line.substr(request.method.size() + 1,
                               line.rfind(' ') - request.method.size() - 1);
  for (at += 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const size_t colon = head.find(':', at);
    request.headers[absl::AsciiStrToLower(head.substr(at, colon - at))] =
        std::string(absl::StripAsciiWhitespace(
            head.substr(colon + 1, end - colon - 1)));
    at = end + 2;
  }
  size_t body_bytes = 0;
  (void)absl::SimpleAtoi(request.headers["content-length"], &body_bytes);
  while (unread.size() < body_bytes) {
    if (!stream.Read(unread)) return false;
  }
  request.body = unread.substr(0, body_bytes);
  unread.erase(0, body_bytes);
  return true;
}

std::string ToText(const ServerAnswer& answer) {
  if (!answer.raw.empty()) return answer.raw;
  std::string text = StrCat("HTTP/1.1 ", answer.code, " Answer\r\n");
  for (const std::string& header : answer.headers) {
    text += StrCat(header, "\r\n");
  }
  return StrCat(text, "Content-Length: ", answer.body.size(), "\r\n\r\n",
                answer.body);
}

}  // namespace

struct ScriptedServer::Impl {
  Handler handler;
  SSL_CTX* tls = nullptr;
  int listener = -1;
  int port = 0;
  std::thread acceptor;

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  bool stopped = false;
  std::vector<ServerRequest> requests;
  std::vector<int> sockets;
  std::vector<std::thread> connections;

  void Accept() {
    while (true) {
      const int socket = accept(listener, nullptr, nullptr);
      if (socket < 0) return;
      const std::lock_guard lock(mutex);
      sockets.push_back(socket);
      const int number = static_cast<int>(sockets.size());
      connections.emplace_back([this, socket, number] {
        Serve(socket, number);
        // The number stays taken until the end, where shutdown uses it.
        shutdown(socket, SHUT_RDWR);
      });
      if (stopped) shutdown(socket, SHUT_RDWR);
    }
  }

  void Serve(int socket, int number) {
    Stream stream(socket, tls);
    std::string unread;
    while (true) {
      ServerRequest request;
      request.connection = number;
      if (!ReadRequest(stream, unread, request)) return;
      {
        const std::lock_guard lock(mutex);
        requests.push_back(request);
      }
      changed.notify_all();
      const ServerAnswer answer = handler(request);
      const std::string text = ToText(answer);
      const size_t bytes =
          std::min(text.size(), answer.bytes_sent.value_or(text.size()));
      if (!stream.Write(std::string_view(text).substr(0, bytes))) return;
      if (answer.then == ServerAnswer::Then::kClose) return;
      if (answer.then == ServerAnswer::Then::kStall) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stopped; });
        return;
      }
    }
  }
};

ScriptedServer::ScriptedServer(
    Handler handler, const std::optional<ServerCertificate>& certificate)
    : impl_(std::make_unique<Impl>()) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to what the client closed.
  impl_->handler = std::move(handler);
  if (certificate) impl_->tls = MakeTls(*certificate);
  impl_->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  Check(bind(impl_->listener, generic, size) == 0);
  Check(listen(impl_->listener, 64) == 0);
  Check(getsockname(impl_->listener, generic, &size) == 0);
  impl_->port = ntohs(address.sin_port);
  impl_->acceptor = std::thread([this] { impl_->Accept(); });
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    for (const int socket : impl_->sockets) shutdown(socket, SHUT_RDWR);
  }
  impl_->changed.notify_all();
  shutdown(impl_->listener, SHUT_RDWR);
  impl_->acceptor.join();
  for (std::thread& connection : impl_->connections) connection.join();
  for (const int socket : impl_->sockets) close(socket);
  close(impl_->listener);
  SSL_CTX_free(impl_->tls);
}

int ScriptedServer::port() const { return impl_->port; }

std::string ScriptedServer::url() const {
  return StrCat(impl_->tls != nullptr ? "https" : "http",
                "://127.0.0.1:", impl_->port, "/");
}

std::vector<ServerRequest> ScriptedServer::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

void ScriptedServer::WaitForRequests(size_t count) const {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return impl_->requests.size() >= count; });
}

}  // namespace pdp

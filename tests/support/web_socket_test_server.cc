#include "tests/support/web_socket_test_server.h"

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <mutex>
#include <set>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace pdp {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;
using beast::error_code;
using Upgrade = WebSocketTestServer::Upgrade;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

template <typename Stream>
class Served : public ServedSocket {
 public:
  explicit Served(Stream stream) : socket_(std::move(stream)) {}

  bool Accept(Upgrade upgrade) {
    error_code error;
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      socket_.next_layer().handshake(asio::ssl::stream_base::server, error);
      if (error) return false;
    }
    beast::flat_buffer buffer;
    websocket::request_type request;
    beast::http::read(socket_.next_layer(), buffer, request, error);
    if (error) return false;
    target = std::string(request.target());
    host = std::string(request[beast::http::field::host]);
    user_agent = std::string(request[beast::http::field::user_agent]);
    if (upgrade == Upgrade::kDecline) {
      SendRaw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    }
    if (upgrade == Upgrade::kGarbage) SendRaw("hello\r\n\r\n");
    if (upgrade != Upgrade::kAccept) {
      Receive();
      return false;
    }
    socket_.accept(request, error);
    return !error;
  }

  std::optional<std::string> Receive() override {
    beast::flat_buffer buffer;
    error_code error;
    if (!socket_.is_open()) {
      // Until the client goes.
      char byte;
      beast::get_lowest_layer(socket_).socket().read_some(
          asio::buffer(&byte, 1), error);
      return std::nullopt;
    }
    socket_.read(buffer, error);
    if (error) return std::nullopt;
    return beast::buffers_to_string(buffer.data());
  }
  void Send(const std::string& text) override { Write(text, true); }
  void SendBinary(const std::string& bytes) override { Write(bytes, false); }
  void Close() override {
    error_code error;
    socket_.close(websocket::close_code::going_away, error);
  }
  void SendRaw(const std::string& bytes) override {
    error_code error;
    asio::write(socket_.next_layer(), asio::buffer(bytes), error);
  }

 private:
  void Write(const std::string& message, bool is_text) {
    error_code error;
    socket_.text(is_text);
    socket_.write(asio::buffer(message), error);
  }

  websocket::stream<Stream> socket_;
};

}  // namespace

struct WebSocketTestServer::Impl {
  Impl(Handler serve, const std::optional<ServerCertificate>& certificate,
       Upgrade how)
      : handler(std::move(serve)), upgrade(how), is_tls(certificate) {
    if (certificate) {
      tls.use_certificate_chain(asio::buffer(certificate->certificate));
      tls.use_private_key(asio::buffer(certificate->private_key),
                          asio::ssl::context::pem);
    }
    accepter = std::thread([this] { Accept(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
      // Wakes the threads that wait on them.
      shutdown(acceptor.native_handle(), SHUT_RDWR);
      for (const int descriptor : open) shutdown(descriptor, SHUT_RDWR);
    }
    accepter.join();
    for (std::thread& thread : threads) thread.join();
  }

  void Accept() {
    while (true) {
      error_code error;
      tcp::socket socket = acceptor.accept(error);
      const std::lock_guard lock(mutex);
      if (error || stopped) return;
      const int descriptor = socket.native_handle();
      open.insert(descriptor);
      threads.emplace_back(
          [this, descriptor,
           stream = beast::tcp_stream(std::move(socket))]() mutable {
            if (is_tls) {
              Serve(Served(TlsStream(std::move(stream), tls)), descriptor);
            } else {
              Serve(Served(std::move(stream)), descriptor);
            }
          });
    }
  }

  template <typename Stream>
  void Serve(Served<Stream> socket, int descriptor) {
    if (socket.Accept(upgrade)) handler(socket);
    // Before the descriptor is another's.
    const std::lock_guard lock(mutex);
    open.erase(descriptor);
  }

  const Handler handler;
  const Upgrade upgrade;
  const bool is_tls;
  asio::io_context io;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  tcp::acceptor acceptor{io,
                         tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::mutex mutex;
  bool stopped = false;
  std::set<int> open;
  std::vector<std::thread> threads;
  std::thread accepter;
};

WebSocketTestServer::WebSocketTestServer(
    Handler handler, const std::optional<ServerCertificate>& certificate,
    Upgrade upgrade)
    : impl_(std::make_unique<Impl>(std::move(handler), certificate, upgrade)) {}

WebSocketTestServer::~WebSocketTestServer() = default;

std::string WebSocketTestServer::url(const std::string& host) const {
  return std::string(impl_->is_tls ? "wss://" : "ws://") + host + ":" +
         std::to_string(impl_->acceptor.local_endpoint().port()) +
         "/subscriptions";
}

}  // namespace pdp

#include "pdp/medplum/web_socket.h"

#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/url.h"

namespace pdp::medplum {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;
using beast::error_code;

// Of messages that wait to be sent.
constexpr size_t kMaxQueued = 1000;
// For the other side to answer a close.
constexpr std::chrono::seconds kCloseTimeout{5};
// For sockets to say that they close, when the loop ends.
constexpr std::chrono::milliseconds kFarewell{500};

class Session;
// Those that have not ended.  Used on the loop's thread only.
using Sessions = std::unordered_set<Session*>;

// One socket from its first step to its last, on the loop's thread only.
class Session {
 public:
  using Connected = std::function<void(absl::Status)>;

  virtual ~Session() = default;

  virtual void Connect(const Url& url, absl::Duration timeout,
                       WebSocketCallbacks callbacks, Connected connected) = 0;
  virtual void Send(std::string text) = 0;
  // Nothing is called any more, and the socket closes.
  virtual void Drop() = 0;
  virtual void End(absl::Status why) = 0;
};

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

template <typename Stream>
class SessionOver final
    : public Session,
      public std::enable_shared_from_this<SessionOver<Stream>> {
 public:
  template <typename... Args>
  explicit SessionOver(asio::io_context& io, Sessions& sessions,
                       size_t max_message_bytes, Args&... args)
      : sessions_(sessions),
        resolver_(io),
        deadline_(io),
        socket_(io, args...) {
    socket_.read_message_max(max_message_bytes);
    // Until it is connected there is deadline_.
    socket_.set_option(websocket::stream_base::timeout{
        websocket::stream_base::none(), websocket::stream_base::none(), false});
    socket_.set_option(
        websocket::stream_base::decorator([](websocket::request_type& request) {
          request.set(beast::http::field::user_agent, "medplum-pdp");
        }));
  }

  void Connect(const Url& url, absl::Duration timeout,
               WebSocketCallbacks callbacks, Connected connected) override {
    sessions_.insert(this);
    url_ = url;
    callbacks_ = std::move(callbacks);
    connected_ = std::move(connected);
    deadline_.expires_after(absl::ToChronoMilliseconds(timeout));
    deadline_.async_wait([self = this->shared_from_this()](error_code error) {
      if (error) return;
      self->End(absl::DeadlineExceededError("the WebSocket did not connect"));
    });
    resolver_.async_resolve(
        url_.host, StrCat(url_.port),
        [self = this->shared_from_this()](error_code error,
                                          tcp::resolver::results_type found) {
          if (self->Failed(error, "its host is not found")) return;
          beast::get_lowest_layer(self->socket_)
              .async_connect(found, [self](error_code failure, const auto&) {
                if (self->Failed(failure, "no connection")) return;
                self->StartTls();
              });
        });
  }

  void Send(std::string text) override {
    if (ended_) return;
    queue_.push_back(std::move(text));
    if (queue_.size() > kMaxQueued) {
      End(absl::UnavailableError("the WebSocket's server does not read"));
    } else if (queue_.size() == 1) {
      Write();
    }
  }

  void Drop() override {
    callbacks_ = {};
    if (ended_) return;
    if (!socket_.is_open()) return End(absl::CancelledError());
    Finish();
    socket_.async_close(websocket::close_code::normal,
                        [self = this->shared_from_this()](error_code) {});
  }

  void End(absl::Status why) override {
    if (ended_) return;
    Finish();
    resolver_.cancel();
    beast::get_lowest_layer(socket_).close();
    // What is called may be the last that keeps this session.
    const auto self = this->shared_from_this();
    if (connected_) {
      std::exchange(connected_, nullptr)(std::move(why));
    } else if (callbacks_.closed) {
      std::exchange(callbacks_, {}).closed(std::move(why));
    }
  }

 private:
  void Finish() {
    ended_ = true;
    sessions_.erase(this);
    deadline_.cancel();
  }

  bool Failed(error_code error, std::string_view what) {
    if (ended_) return true;
    if (!error) return false;
    End(absl::UnavailableError(StrCat("the WebSocket did not connect: ", what,
                                      ": ", error.message())));
    return true;
  }

  void StartTls() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      TlsStream& tls = socket_.next_layer();
      error_code ignored;
      asio::ip::make_address(url_.host, ignored);
      const bool named = static_cast<bool>(ignored);
      if (named)
        SSL_set_tlsext_host_name(tls.native_handle(), url_.host.c_str());
      tls.set_verify_callback(asio::ssl::host_name_verification(url_.host),
                              ignored);
      tls.async_handshake(asio::ssl::stream_base::client,
                          [self = this->shared_from_this()](error_code error) {
                            if (self->Failed(error, "TLS")) return;
                            self->Upgrade();
                          });
    } else {
      Upgrade();
    }
  }

  void Upgrade() {
    socket_.async_handshake(
        answer_, url_.Authority(), url_.target,
        [self = this->shared_from_this()](error_code error) {
          if (error == websocket::error::upgrade_declined) {
            self->End(absl::UnavailableError(
                StrCat("the WebSocket did not connect: the server answers ",
                       self->answer_.result_int())));
          }
          if (self->Failed(error, "the upgrade")) return;
          self->deadline_.cancel();
          self->socket_.set_option(websocket::stream_base::timeout{
              kCloseTimeout, websocket::stream_base::none(), false});
          std::exchange(self->connected_, nullptr)(absl::OkStatus());
          self->Read();
        });
  }

  void Read() {
    socket_.async_read(
        buffer_, [self = this->shared_from_this()](error_code error, size_t) {
          self->OnRead(error);
        });
  }

  void OnRead(error_code error) {
    if (ended_) return;
    if (error == websocket::error::message_too_big ||
        error == websocket::error::buffer_overflow ||
        error == websocket::error::bad_frame_payload) {
      return End(absl::DataLossError(
          StrCat("a message of the WebSocket: ", error.message())));
    }
    if (error) {
      return End(absl::UnavailableError(
          StrCat("the WebSocket ended: ", error.message())));
    }
    if (!socket_.got_text()) {
      return End(absl::DataLossError("a message of the WebSocket is not text"));
    }
    const asio::const_buffer message = buffer_.data();
    if (callbacks_.text) {
      callbacks_.text(
          {static_cast<const char*>(message.data()), message.size()});
    }
    buffer_.consume(buffer_.size());
    Read();
  }

  void Write() {
    socket_.text(true);
    socket_.async_write(
        asio::buffer(queue_.front()),
        [self = this->shared_from_this()](error_code error, size_t) {
          if (self->ended_) return;
          if (error) {
            return self->End(absl::UnavailableError(
                StrCat("the WebSocket ended: ", error.message())));
          }
          self->queue_.pop_front();
          if (!self->queue_.empty()) self->Write();
        });
  }

  Sessions& sessions_;
  tcp::resolver resolver_;
  asio::steady_timer deadline_;
  websocket::stream<Stream> socket_;
  websocket::response_type answer_;
  beast::flat_buffer buffer_;
  Url url_;
  WebSocketCallbacks callbacks_;
  Connected connected_;  // Until it was called.
  std::deque<std::string> queue_;
  bool ended_ = false;
};

class LoopSocket : public WebSocket {
 public:
  LoopSocket(asio::io_context& io, std::shared_ptr<Session> session)
      : io_(io), session_(std::move(session)) {}

  ~LoopSocket() override {
    const auto dropped = std::make_shared<std::promise<void>>();
    asio::post(io_, [dropped, session = std::move(session_)] {
      session->Drop();
      dropped->set_value();
    });
    dropped->get_future().wait();
  }

  void Send(std::string text) override {
    asio::post(io_, [session = session_, text = std::move(text)]() mutable {
      session->Send(std::move(text));
    });
  }

 private:
  asio::io_context& io_;
  std::shared_ptr<Session> session_;
};

absl::Status LoadCertificates(const std::string& file,
                              asio::ssl::context& tls) {
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  error_code error;
  tls.set_verify_mode(asio::ssl::verify_peer, error);
  if (!error && file.empty()) tls.set_default_verify_paths(error);
  if (!error && !file.empty()) tls.load_verify_file(file, error);
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat(
      "the certificates in `", file, "` cannot be read: ", error.message()));
}

}  // namespace

class WebSocketLoop::Impl {
 public:
  explicit Impl(const WebSocketLoopOptions& options)
      : options_(options), work_(io_.get_executor()) {}

  absl::Status Start() {
    PDP_RETURN_IF_ERROR(LoadCertificates(options_.ca_file, tls_));
    thread_ = std::thread([this] {
      io_.run();
      ended_.set_value();
    });
    return absl::OkStatus();
  }

  ~Impl() {
    if (!thread_.joinable()) return;
    Stop();
    work_.reset();
    if (ended_.get_future().wait_for(kFarewell) != std::future_status::ready) {
      io_.stop();
    }
    thread_.join();
  }

  absl::StatusOr<std::unique_ptr<WebSocket>> Connect(
      const Url& url, absl::Duration timeout, WebSocketCallbacks callbacks,
      const std::stop_token& stop) {
    std::shared_ptr<Session> session;
    if (url.is_secure()) {
      session = std::make_shared<SessionOver<TlsStream>>(
          io_, sessions_, options_.max_message_bytes, tls_);
    } else {
      session = std::make_shared<SessionOver<PlainStream>>(
          io_, sessions_, options_.max_message_bytes);
    }
    const auto connected = std::make_shared<std::promise<absl::Status>>();
    asio::post(io_, [&, connected] {
      if (stopped_) {
        connected->set_value(absl::CancelledError("WebSockets are stopped"));
        return;
      }
      session->Connect(url, timeout, std::move(callbacks),
                       [connected](absl::Status status) {
                         connected->set_value(std::move(status));
                       });
    });
    // Posted after the above, so it finds a session that has begun.
    const std::stop_callback on_stop(stop, [&] {
      asio::post(io_, [session] {
        session->End(absl::CancelledError("the WebSocket is not wanted"));
      });
    });
    PDP_RETURN_IF_ERROR(connected->get_future().get());
    return std::make_unique<LoopSocket>(io_, std::move(session));
  }

  void Stop() {
    asio::post(io_, [this] {
      stopped_ = true;
      const Sessions all = sessions_;
      for (Session* session : all) {
        session->End(absl::CancelledError("WebSockets are stopped"));
      }
    });
  }

 private:
  const WebSocketLoopOptions options_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  // Used on the thread only.
  Sessions sessions_;
  bool stopped_ = false;
  std::promise<void> ended_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<WebSocketLoop>> WebSocketLoop::Start(
    const WebSocketLoopOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  PDP_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<WebSocketLoop>(new WebSocketLoop(std::move(impl)));
}

WebSocketLoop::WebSocketLoop(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

WebSocketLoop::~WebSocketLoop() = default;

absl::StatusOr<std::unique_ptr<WebSocket>> WebSocketLoop::Connect(
    std::string_view text, absl::Duration timeout, WebSocketCallbacks callbacks,
    const std::stop_token& stop) {
  PDP_ASSIGN_OR_RETURN(const Url url, Url::Parse(text));
  if (!url.is_web_socket() || (!url.is_secure() && !IsLoopback(url.host))) {
    return absl::InvalidArgumentError(
        "the WebSocket's URL is not `wss:`, which all but loopback addresses "
        "need");
  }
  return impl_->Connect(url, timeout, std::move(callbacks), stop);
}

void WebSocketLoop::Stop() { impl_->Stop(); }

}  // namespace pdp::medplum

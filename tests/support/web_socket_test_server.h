// WebSocketTestServer: a WebSocket server in the test's process, that does with
// each connection what it is told to.

#ifndef PDP_TESTS_SUPPORT_WEB_SOCKET_TEST_SERVER_H_
#define PDP_TESTS_SUPPORT_WEB_SOCKET_TEST_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/test_certificates.h"

namespace pdp {

// One connection, used on the thread that serves it.
class ServedSocket {
 public:
  virtual ~ServedSocket() = default;

  // The next text message; nothing once the client closed.
  virtual std::optional<std::string> Receive() = 0;
  virtual void Send(const std::string& text) = 0;
  virtual void SendBinary(const std::string& bytes) = 0;
  // The closing handshake.
  virtual void Close() = 0;
  // Bytes below the WebSocket.
  virtual void SendRaw(const std::string& bytes) = 0;

  // What the client asked for: the request's target, Host and User-Agent.
  std::string target;
  std::string host;
  std::string user_agent;
};

class WebSocketTestServer {
 public:
  // Called on a thread of each connection, once it is upgraded; the connection
  // is dropped when it returns.
  using Handler = std::function<void(ServedSocket&)>;

  enum class Upgrade : uint8_t {
    kAccept,
    kDecline,  // 403.
    kStall,    // The request is never answered.
    kGarbage,  // Answered by what is no HTTP.
  };

  // On a port of 127.0.0.1 that is picked; with a certificate over TLS.
  explicit WebSocketTestServer(
      Handler handler,
      const std::optional<ServerCertificate>& certificate = std::nullopt,
      Upgrade upgrade = Upgrade::kAccept);
  // Drops all connections.
  ~WebSocketTestServer();
  WebSocketTestServer(const WebSocketTestServer&) = delete;
  WebSocketTestServer& operator=(const WebSocketTestServer&) = delete;

  // `ws://127.0.0.1:port/subscriptions`, or wss: with `host`.
  std::string url(const std::string& host = "127.0.0.1") const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace pdp

#endif  // PDP_TESTS_SUPPORT_WEB_SOCKET_TEST_SERVER_H_

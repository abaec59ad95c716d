// WebSockets (RFC 6455), as a client: plain and over TLS.

#ifndef PDP_MEDPLUM_WEB_SOCKET_H_
#define PDP_MEDPLUM_WEB_SOCKET_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace pdp::medplum {

// What a socket tells, from a thread that it shares with other sockets: must
// not wait, nor destroy the socket.
struct WebSocketCallbacks {
  // One text message, whole.
  std::function<void(std::string_view text)> text;
  // The socket ended, by the other side or by a fault: Unavailable; by a
  // message that is too long or not text: DataLoss; by
  // WebSocketConnector::Stop: Cancelled.  At most once, and the last call.
  std::function<void(absl::Status why)> closed;
};

// A socket that is connected.  Thread-safe.
class WebSocket {
 public:
  // Closes it.  No callback runs any more once this has returned.
  virtual ~WebSocket() = default;

  // Queues one text message.  Without effect once the socket ended.
  virtual void Send(std::string text) = 0;
};

// Thread-safe.
class WebSocketConnector {
 public:
  virtual ~WebSocketConnector() = default;

  // Waits until the socket to `url` is connected.  `ws:` is taken for loopback
  // addresses only: what goes over the socket are tokens.
  //
  // InvalidArgument     not such a URL
  // Unavailable         no connection, also where the server's certificate is
  //                     not the host's, or it declines the upgrade
  // DeadlineExceeded    not within `timeout`
  // Cancelled           `stop` was requested, or Stop called
  virtual absl::StatusOr<std::unique_ptr<WebSocket>> Connect(
      std::string_view url, absl::Duration timeout,
      WebSocketCallbacks callbacks, const std::stop_token& stop) = 0;

  // Ends all sockets and every Connect, now and later.
  virtual void Stop() = 0;
};

struct WebSocketLoopOptions {
  // The certificates that a server's is checked against, as PEM; empty: the
  // system's.
  std::string ca_file;
  // Of one message.
  size_t max_message_bytes = size_t{8} << 20;
};

// The one thread that serves all sockets of a process.  Outlives its sockets.
class WebSocketLoop : public WebSocketConnector {
 public:
  // FailedPrecondition where the certificates cannot be read.
  static absl::StatusOr<std::unique_ptr<WebSocketLoop>> Start(
      const WebSocketLoopOptions& options);

  ~WebSocketLoop() override;
  WebSocketLoop(const WebSocketLoop&) = delete;
  WebSocketLoop& operator=(const WebSocketLoop&) = delete;

  absl::StatusOr<std::unique_ptr<WebSocket>> Connect(
      std::string_view url, absl::Duration timeout,
      WebSocketCallbacks callbacks, const std::stop_token& stop) override;
  void Stop() override;

 private:
  class Impl;
  explicit WebSocketLoop(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_WEB_SOCKET_H_

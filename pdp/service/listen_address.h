// The addresses that a server may listen on: this host's own, and unix sockets.

#ifndef PDP_SERVICE_LISTEN_ADDRESS_H_
#define PDP_SERVICE_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pdp::service {

struct ListenAddress {
  enum class Kind : uint8_t { kTcp, kUnix };
  Kind kind = Kind::kTcp;
  std::string host;  // "127.0.0.1", "::1".
  uint16_t port = 0;
  std::string path;  // Of a unix socket.

  // "127.0.0.1:8990", "[::1]:8990", "unix:/run/pdp.sock".
  std::string ToString() const;
};

// `host:port`, where the host is in 127.0.0.0/8, `[::1]`, or `localhost`, which
// stands for 127.0.0.1; or `unix:PATH`.  InvalidArgument for anything else.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// As ParseListenAddress, and `host:port` with any address.
absl::StatusOr<ListenAddress> ParseAnyListenAddress(std::string_view text);

// `host:port` where the host is any address, written as a number: 0.0.0.0 for
// all of this host's.  For what needs no protection of the server's own.
absl::StatusOr<ListenAddress> ParseOpenAddress(std::string_view text);

// Whether `host`, without brackets, is in 127.0.0.0/8, ::1 or `localhost`.
bool IsLoopbackHost(std::string_view host);

// Makes way for a unix socket at `path`: removes a socket that nobody serves.
// FailedPrecondition where somebody does, or where something else is there.
absl::Status ClearStaleSocket(const std::string& path);

}  // namespace pdp::service

#endif  // PDP_SERVICE_LISTEN_ADDRESS_H_

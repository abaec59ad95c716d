// The sockets that the server listens on.

#ifndef PDP_SERVICE_LISTENING_SOCKET_H_
#define PDP_SERVICE_LISTENING_SOCKET_H_

#include <unistd.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/service/listen_address.h"

namespace pdp::service {

// A file descriptor that is closed with it.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.Release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Listens on `address`, whose port 0 becomes the one that was picked.
// Connections do not wait to fill packets, and end where what was sent is not
// acknowledged for `unacknowledged`.  FailedPrecondition: it is taken, or not
// this host's.
absl::StatusOr<OwnedFd> ListenOn(ListenAddress& address,
                                 absl::Duration unacknowledged);

}  // namespace pdp::service

#endif  // PDP_SERVICE_LISTENING_SOCKET_H_

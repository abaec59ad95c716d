// ConnectionAcceptor: takes the connections of the server's addresses, as many
// as there may be, and hands each to whoever serves it.
//
// gRPC's own listener takes every connection that comes, and listens no more
// once the process has no file descriptor left.

#ifndef PDP_SERVICE_CONNECTION_ACCEPTOR_H_
#define PDP_SERVICE_CONNECTION_ACCEPTOR_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "pdp/base/strings.h"
#include "pdp/service/listening_socket.h"

namespace pdp::service {

struct ConnectionLimits {
  size_t all = 10'000;
  size_t of_one_address = 0;  // 0: no limit.  Unix sockets have no address.
};

// Connections that may be open at a time so that this process has file
// descriptors left for what else it does: at most `wanted`.  Raises the
// process's own limit as far as it may.
size_t RoomForConnections(size_t wanted);

// Which connections are open.  They are told by file descriptors that belong to
// somebody else, who closes them and says nothing.  Not thread-safe.
class OpenConnections {
 public:
  explicit OpenConnections(const ConnectionLimits& limits) : limits_(limits) {}

  // Counts the connection `fd` from `host`; false where that is one too many.
  bool Add(int fd, std::string_view host);
  // Forgets those that were closed.
  void Prune();

  size_t count() const { return count_; }

 private:
  struct Connection {
    bool is_open = false;
    dev_t device = 0;
    ino_t inode = 0;
    std::string host;
  };

  bool HasRoom(std::string_view host) const;
  void Forget(Connection& connection);

  const ConnectionLimits limits_;
  std::vector<Connection> by_fd_;
  StringMap<size_t> by_host_;
  size_t count_ = 0;
};

class ConnectionAcceptor {
 public:
  struct Listener {
    OwnedFd socket;
    std::function<void(int fd)> serve;  // Takes the descriptor over.
  };

  // `turned_away` is called for each connection that is one too many, and
  // `counted` now and then with how many are open.
  ConnectionAcceptor(std::vector<Listener> listeners,
                     const ConnectionLimits& limits,
                     std::function<void()> turned_away,
                     std::function<void(size_t)> counted);
  // Stops listening.
  ~ConnectionAcceptor();
  ConnectionAcceptor(const ConnectionAcceptor&) = delete;
  ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;

 private:
  void Run();
  // False where nothing can be taken at the moment.
  bool AcceptFrom(Listener& listener);
  void Look();

  std::vector<Listener> listeners_;
  OpenConnections open_;
  const std::function<void()> turned_away_;
  const std::function<void(size_t)> counted_;
  absl::Time looked_;
  OwnedFd stop_;  // Readable: stop.
  std::thread thread_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONNECTION_ACCEPTOR_H_

#include "pdp/service/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

constexpr int kBacklog = 4096;

// As the system takes it.
struct SocketName {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketName NameOf(const ListenAddress& address) {
  SocketName name;
  if (address.kind == ListenAddress::Kind::kUnix) {
    auto* to = reinterpret_cast<sockaddr_un*>(&name.storage);
    to->sun_family = AF_UNIX;
    address.path.copy(to->sun_path, sizeof(to->sun_path) - 1);
    name.size = sizeof(*to);
    return name;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&name.storage);
  if (inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    name.size = sizeof(*v4);
    return name;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
  name.storage = {};
  if (inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    name.size = sizeof(*v6);
  }
  return name;
}

void Set(int fd, int level, int option, int value) {
  // What a kernel does not know it does without.
  (void)setsockopt(fd, level, option, &value, sizeof(value));
}

uint16_t PortOf(int fd) {
  SocketName name;
  name.size = sizeof(name.storage);
  if (getsockname(fd, name.get(), &name.size) != 0) return 0;
  return ntohs(name.storage.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6*>(&name.storage)->sin6_port
                   : reinterpret_cast<sockaddr_in*>(&name.storage)->sin_port);
}

}  // namespace

absl::StatusOr<OwnedFd> ListenOn(ListenAddress& address,
                                 absl::Duration unacknowledged) {
  SocketName name = NameOf(address);
  OwnedFd fd(socket(name.storage.ss_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool is_tcp = address.kind == ListenAddress::Kind::kTcp;
  if (fd.get() >= 0 && is_tcp) {
    Set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    Set(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    Set(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT,
        static_cast<int>(absl::ToInt64Milliseconds(unacknowledged)));
    if (name.storage.ss_family == AF_INET6) {
      Set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
  }
  if (fd.get() < 0 || bind(fd.get(), name.get(), name.size) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    return absl::FailedPreconditionError(
        StrCat("cannot listen on ", address.ToString(), " (",
               std::strerror(error), "); is another process using it?"));
  }
  if (is_tcp) address.port = PortOf(fd.get());
  return fd;
}

}  // namespace pdp::service

#include "pdp/service/connection_acceptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "pdp/base/log.h"
#include "pdp/base/log_limiter.h"

namespace pdp::service {
namespace {

// Descriptors for the store, the audit log, and what else there is.
constexpr size_t kOtherDescriptors = 512;
constexpr int kMaxAtOnce = 64;
constexpr absl::Duration kLookInterval = absl::Seconds(1);
constexpr absl::Duration kLookIntervalWhenFull = absl::Milliseconds(10);
constexpr int kPauseMilliseconds = 50;

std::optional<struct stat> SocketOf(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISSOCK(info.st_mode)) return std::nullopt;
  return info;
}

// The address of a peer, without its port; empty: it has none.
std::string HostOf(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  } else if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  }
  return text;
}

void LogPause(int error) {
  static LogLimiter limiter(/*per_second=*/1);
  if (const auto left_out = limiter.Allow(absl::Now())) {
    Log(Severity::kError, "connections_not_accepted",
        {{"error", std::strerror(error)}, {"lines_left_out", *left_out}});
  }
}

}  // namespace

size_t RoomForConnections(size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  rlimit raised = limit;
  raised.rlim_cur =
      std::min<rlim_t>(limit.rlim_max, wanted + 2 * kOtherDescriptors);
  if (raised.rlim_cur > limit.rlim_cur &&
      setrlimit(RLIMIT_NOFILE, &raised) == 0) {
    limit = raised;
  }
  const size_t all = limit.rlim_cur;
  return std::min(wanted, all - std::min(kOtherDescriptors, all / 2));
}

bool OpenConnections::HasRoom(std::string_view host) const {
  if (count_ >= limits_.all) return false;
  if (limits_.of_one_address == 0 || host.empty()) return true;
  const auto found = by_host_.find(host);
  return found == by_host_.end() || found->second < limits_.of_one_address;
}

bool OpenConnections::Add(int fd, std::string_view host) {
  const std::optional<struct stat> info = SocketOf(fd);
  if (!info) return false;
  const auto index = static_cast<size_t>(fd);
  if (index >= by_fd_.size()) by_fd_.resize(index + 1);
  Connection& connection = by_fd_[index];
  // Its descriptor is another's now.
  if (connection.is_open) Forget(connection);
  if (!HasRoom(host)) return false;
  connection = {.is_open = true,
                .device = info->st_dev,
                .inode = info->st_ino,
                .host = std::string(host)};
  ++count_;
  if (!host.empty()) ++by_host_[connection.host];
  return true;
}

void OpenConnections::Prune() {
  for (size_t fd = 0; fd < by_fd_.size(); ++fd) {
    Connection& connection = by_fd_[fd];
    if (!connection.is_open) continue;
    const std::optional<struct stat> info = SocketOf(static_cast<int>(fd));
    const bool is_the_same = info && info->st_dev == connection.device &&
                             info->st_ino == connection.inode;
    if (!is_the_same) Forget(connection);
  }
}

void OpenConnections::Forget(Connection& connection) {
  connection.is_open = false;
  --count_;
  const auto found = by_host_.find(connection.host);
  if (found != by_host_.end() && --found->second == 0) by_host_.erase(found);
}

ConnectionAcceptor::ConnectionAcceptor(std::vector<Listener> listeners,
                                       const ConnectionLimits& limits,
                                       std::function<void()> turned_away,
                                       std::function<void(size_t)> counted)
    : listeners_(std::move(listeners)),
      open_(limits),
      turned_away_(std::move(turned_away)),
      counted_(std::move(counted)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "pdp-accept");
}

ConnectionAcceptor::~ConnectionAcceptor() {
  (void)eventfd_write(stop_.get(), 1);
  thread_.join();
}

void ConnectionAcceptor::Run() {
  std::vector<pollfd> all = {{.fd = stop_.get(), .events = POLLIN}};
  for (const Listener& listener : listeners_) {
    all.push_back({.fd = listener.socket.get(), .events = POLLIN});
  }
  bool is_paused = false;
  while (true) {
    // Paused, it waits for the stop alone.
    const int ready =
        is_paused
            ? poll(all.data(), 1, kPauseMilliseconds)
            : poll(all.data(), all.size(),
                   static_cast<int>(absl::ToInt64Milliseconds(kLookInterval)));
    if (ready > 0 && all[0].revents != 0) return;
    const bool was_paused = std::exchange(is_paused, false);
    for (size_t i = 1; i < all.size(); ++i) {
      const bool may_have_some = was_paused || (ready > 0 && all[i].revents);
      if (may_have_some && !AcceptFrom(listeners_[i - 1])) is_paused = true;
    }
    if (absl::Now() - looked_ >= kLookInterval) Look();
  }
}

bool ConnectionAcceptor::AcceptFrom(Listener& listener) {
  for (int i = 0; i < kMaxAtOnce; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    OwnedFd fd(accept4(listener.socket.get(),
                       reinterpret_cast<sockaddr*>(&peer), &size,
                       SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.get() < 0) {
      const int error = errno;
      if (error == EAGAIN || error == EWOULDBLOCK) return true;
      const bool is_short_of = error == EMFILE || error == ENFILE ||
                               error == ENOBUFS || error == ENOMEM;
      if (!is_short_of) continue;  // That connection is gone.
      LogPause(error);
      return false;
    }
    const std::string host = HostOf(peer);
    bool is_taken = open_.Add(fd.get(), host);
    if (!is_taken && absl::Now() - looked_ >= kLookIntervalWhenFull) {
      Look();
      is_taken = open_.Add(fd.get(), host);
    }
    if (is_taken) {
      listener.serve(fd.Release());
    } else {
      turned_away_();
    }
  }
  return true;
}

void ConnectionAcceptor::Look() {
  open_.Prune();
  looked_ = absl::Now();
  counted_(open_.count());
}

}  // namespace pdp::service

#include "pdp/service/shared_packets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace pdp::service {
namespace {

std::string V4Name(const in_addr& address, in_port_t port) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address, text, sizeof(text));
  return StrCat("ipv4:", text, ":", ntohs(port));
}

// As gRPC names a peer; empty: not TCP.
std::string PeerOf(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return "";
  }
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    return V4Name(v4.sin_addr, v4.sin_port);
  }
  if (peer.ss_family != AF_INET6) return "";
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    in_addr v4{};
    std::memcpy(&v4, &v6.sin6_addr.s6_addr[12], sizeof(v4));
    return V4Name(v4, v6.sin6_port);
  }
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return StrCat("ipv6:%5B", text, "%5D:", ntohs(v6.sin6_port));
}

void SetCork(int fd, int value) {
  (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

}  // namespace

void PeerSockets::Add(int fd) {
  std::string peer = PeerOf(fd);
  if (peer.empty()) return;
  const auto index = static_cast<size_t>(fd);
  MutexLock lock(mutex_);
  if (index >= peers_.size()) peers_.resize(index + 1);
  const auto former = by_peer_.find(peers_[index]);
  if (former != by_peer_.end() && former->second == fd) by_peer_.erase(former);
  by_peer_[peer] = fd;
  peers_[index] = std::move(peer);
}

std::vector<int> PeerSockets::Find(
    const std::vector<std::string>& peers) const {
  std::vector<int> fds;
  fds.reserve(peers.size());
  MutexLock lock(mutex_);
  for (const std::string& peer : peers) {
    const auto found = by_peer_.find(peer);
    fds.push_back(found == by_peer_.end() ? -1 : found->second);
  }
  return fds;
}

Corks::Corks(std::vector<int> fds) : corked_(std::move(fds)) {
  std::sort(corked_.begin(), corked_.end());
  size_t kept = 0;
  for (size_t i = 0; i < corked_.size();) {
    size_t next = i + 1;
    while (next < corked_.size() && corked_[next] == corked_[i]) ++next;
    if (next - i > 1 && corked_[i] >= 0) corked_[kept++] = corked_[i];
    i = next;
  }
  corked_.resize(kept);
  for (const int fd : corked_) SetCork(fd, 1);
}

Corks::~Corks() {
  for (const int fd : corked_) SetCork(fd, 0);
}

}  // namespace pdp::service

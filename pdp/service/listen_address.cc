#include "pdp/service/listen_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

absl::Status NotAnAddress(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      StrCat("`", text, "` ", why,
             "; write host:port, such as 127.0.0.1:8990 or [::1]:8990, or "
             "unix:PATH"));
}

absl::StatusOr<ListenAddress> ParseUnix(std::string_view text,
                                        std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) {
    return NotAnAddress(text, "names no path");
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(
        StrCat("`", text, "` is longer than the path of a socket may be (",
               sizeof(sockaddr_un::sun_path) - 1, " bytes)"));
  }
  ListenAddress address;
  address.kind = ListenAddress::Kind::kUnix;
  address.path = path;
  return address;
}

// `host:port`, whatever the host is.
absl::StatusOr<ListenAddress> ParseTcp(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return NotAnAddress(text, "has no port");
  }
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return NotAnAddress(text, "is not an address with a port");
  }
  const std::string_view digits = text.substr(colon + 1);
  uint32_t port = 0;
  if (digits.empty() ||
      digits.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(ToAbsl(digits), &port) || port > 65535) {
    return NotAnAddress(text, "has no port between 0 and 65535");
  }

  ListenAddress address;
  address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  address.port = static_cast<uint16_t>(port);
  return address;
}

}  // namespace

std::string ListenAddress::ToString() const {
  if (kind == Kind::kUnix) return StrCat(kUnixPrefix, path);
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? StrCat("[", host, "]:", port) : StrCat(host, ":", port);
}

bool IsLoopbackHost(std::string_view host) {
  if (host.find('\0') != std::string_view::npos) return false;
  const std::string text(host);
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  in6_addr v6;
  return text == "localhost" ||
         (inet_pton(AF_INET6, text.c_str(), &v6) == 1 &&
          std::memcmp(&v6, &in6addr_loopback, sizeof(v6)) == 0);
}

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) {
    return ParseUnix(text, text.substr(kUnixPrefix.size()));
  }
  absl::StatusOr<ListenAddress> address = ParseTcp(text);
  if (address.ok() && !IsLoopbackHost(address->host)) {
    return absl::InvalidArgumentError(StrCat(
        "`", text,
        "` is not a loopback address: without the section tls the server is "
        "reachable from its own host only; use 127.0.0.1, [::1], localhost or "
        "unix:PATH"));
  }
  return address;
}

absl::StatusOr<ListenAddress> ParseAnyListenAddress(std::string_view text) {
  absl::StatusOr<ListenAddress> address = ParseOpenAddress(text);
  return address.ok() ? address : ParseListenAddress(text);
}

absl::StatusOr<ListenAddress> ParseOpenAddress(std::string_view text) {
  absl::StatusOr<ListenAddress> address = ParseTcp(text);
  in_addr v4;
  in6_addr v6;
  if (!address.ok() || address->host.find('\0') != std::string::npos ||
      (inet_pton(AF_INET, address->host.c_str(), &v4) != 1 &&
       inet_pton(AF_INET6, address->host.c_str(), &v6) != 1)) {
    return absl::InvalidArgumentError(
        StrCat("`", text,
               "` is not an address with a port; write host:port with the host "
               "as a number, such as 0.0.0.0:8992 or [::]:8992"));
  }
  return address;
}

absl::Status ClearStaleSocket(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        StrCat("`", path,
               "` exists and is not a socket; remove it or choose "
               "another path"));
  }
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::InternalError(std::strerror(errno));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  const int result =
      connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  const bool refused = result != 0 && errno == ECONNREFUSED;
  close(fd);
  if (!refused) {
    return absl::FailedPreconditionError(
        StrCat("`", path,
               "` is served by another process, or not ours to "
               "remove"));
  }
  if (unlink(path.c_str()) != 0) {
    return absl::FailedPreconditionError(StrCat(
        "cannot remove the stale socket `", path, "`: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace pdp::service

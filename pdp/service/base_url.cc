#include "pdp/service/base_url.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "pdp/base/strings.h"
#include "pdp/service/listen_address.h"

namespace pdp::service {
namespace {

constexpr std::string_view kHostLetters =
    "abcdefghijklmnopqrstuvwxyz0123456789.-";
constexpr std::string_view kPathLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

absl::Status Wrong(std::string_view why) {
  return absl::InvalidArgumentError(
      StrCat(why,
             "; write https://HOST/, with :PORT and a path where the "
             "server has them"));
}

bool IsPort(std::string_view digits) {
  uint32_t port = 0;
  return digits.find_first_not_of("0123456789") == std::string_view::npos &&
         absl::SimpleAtoi(ToAbsl(digits), &port) && port >= 1 && port <= 65535;
}

// `[::1]` or `api.example.com`.
bool IsHost(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return host.substr(1, host.size() - 2)
               .find_first_not_of("0123456789abcdef:.") ==
           std::string_view::npos;
  }
  return !host.empty() && host.front() != '.' && host.front() != '-' &&
         host.find_first_not_of(kHostLetters) == std::string_view::npos;
}

bool IsPath(std::string_view path) {
  if (path.find_first_not_of(kPathLetters) != std::string_view::npos) {
    return false;
  }
  for (const absl::string_view segment : absl::StrSplit(ToAbsl(path), '/')) {
    if (segment == "." || segment == "..") return false;
  }
  return path.find("//") == std::string_view::npos;
}

std::string_view WithoutBrackets(std::string_view host) {
  return host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

absl::StatusOr<std::string> ParseBaseUrl(std::string_view text) {
  const size_t colon = text.find("://");
  const std::string scheme =
      absl::AsciiStrToLower(ToAbsl(text.substr(0, colon)));
  if (colon == std::string_view::npos ||
      (scheme != "https" && scheme != "http")) {
    return Wrong("no URL with https:");
  }
  std::string_view rest = text.substr(colon + 3);
  const size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  std::string path(rest.substr(slash));
  // Never said again: it may hold a password.
  if (authority.find('@') != std::string_view::npos) {
    return Wrong("holds credentials, which belong into `login`");
  }
  if (path.find_first_of("?#") != std::string::npos) {
    return Wrong(StrCat("`", text, "` has a query or a fragment"));
  }

  std::string host = absl::AsciiStrToLower(ToAbsl(authority));
  std::string port;
  const size_t port_colon = host.rfind(':');
  if (port_colon != std::string::npos && host.back() != ']') {
    port = host.substr(port_colon);
    host.resize(port_colon);
    if (!IsPort(std::string_view(port).substr(1))) {
      return Wrong(StrCat("`", text, "` has no port between 1 and 65535"));
    }
  }
  if (!IsHost(host)) return Wrong(StrCat("`", text, "` names no host"));
  if (!IsPath(path)) {
    return Wrong(StrCat("`", text,
                        "` has a path of other than letters, digits "
                        "and -._~/"));
  }
  if (scheme == "http" && !IsLoopbackHost(WithoutBrackets(host))) {
    return Wrong(
        StrCat("`", text, "` is not encrypted, and its host is not this one"));
  }
  if (path.empty() || path.back() != '/') path += '/';
  return StrCat(scheme, "://", host, port, path);
}

}  // namespace pdp::service

#include "pdp/medplum/url.h"

#include <charconv>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

struct SchemeName {
  std::string_view name;
  Url::Scheme scheme;
  uint16_t port;
};
constexpr SchemeName kSchemes[] = {
    {"http", Url::Scheme::kHttp, 80},
    {"https", Url::Scheme::kHttps, 443},
    {"ws", Url::Scheme::kWs, 80},
    {"wss", Url::Scheme::kWss, 443},
};

const SchemeName& NameOf(Url::Scheme scheme) {
  return kSchemes[static_cast<size_t>(scheme)];
}

absl::Status Refuse(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("not a usable URL: ", why));
}

bool IsHostCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
         c == '.' || c == '_';
}

bool IsIpv6Character(char c) {
  return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' ||
         c == '.';
}

template <typename Predicate>
bool All(std::string_view text, Predicate predicate) {
  for (const char c : text) {
    if (!predicate(c)) return false;
  }
  return true;
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, port);
  if (result.ec != std::errc() || result.ptr != end || port == 0) {
    return std::nullopt;
  }
  return port;
}

// Whether the path of `target` has a segment `.` or `..`, percent-encoded or
// not.
bool HasDotSegment(std::string_view target) {
  std::string path(target.substr(0, target.find('?')));
  absl::AsciiStrToLower(&path);
  for (size_t at = path.find("%2e"); at != std::string::npos;
       at = path.find("%2e", at)) {
    path.replace(at, 3, ".");
  }
  path += '/';
  return path.find("/./") != std::string::npos ||
         path.find("/../") != std::string::npos;
}

absl::Status ReadAuthority(std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    return Refuse("it names a user");
  }
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return Refuse("the host is malformed");
    const std::string_view host = authority.substr(1, end - 1);
    if (host.find(':') == std::string_view::npos ||
        !All(host, IsIpv6Character)) {
      return Refuse("the host is malformed");
    }
    url.host = host;
    port = authority.substr(end + 1);
    has_port = !port.empty();
    if (has_port && !port.starts_with(':')) {
      return Refuse("the host is malformed");
    }
    if (has_port) port.remove_prefix(1);
  } else {
    const size_t colon = authority.find(':');
    const std::string_view host = authority.substr(0, colon);
    if (host.empty() || !All(host, IsHostCharacter)) {
      return Refuse("the host is malformed");
    }
    url.host = host;
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
  }
  absl::AsciiStrToLower(&url.host);
  if (!has_port) return absl::OkStatus();
  const std::optional<uint16_t> parsed = ParsePort(port);
  if (!parsed) return Refuse("the port is malformed");
  url.port = *parsed;
  return absl::OkStatus();
}

}  // namespace

std::string Url::Authority() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  std::string text = is_ipv6 ? StrCat("[", host, "]") : host;
  if (port != NameOf(scheme).port) text += StrCat(":", port);
  return text;
}

std::string Url::Origin() const {
  return StrCat(NameOf(scheme).name, "://", Authority());
}

absl::StatusOr<Url> Url::Parse(std::string_view text) {
  if (!All(text, [](char c) { return c > ' ' && c < '\x7f'; })) {
    return Refuse("it has characters that must be percent-encoded");
  }
  if (text.find_first_of("\\#") != std::string_view::npos) {
    return Refuse("it has a backslash or a fragment");
  }
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return Refuse("it is not absolute");
  std::string scheme(text.substr(0, colon));
  absl::AsciiStrToLower(&scheme);
  Url url;
  bool known = false;
  for (const SchemeName& candidate : kSchemes) {
    if (candidate.name != scheme) continue;
    url.scheme = candidate.scheme;
    url.port = candidate.port;
    known = true;
  }
  if (!known) return Refuse("its scheme is unknown");

  const std::string_view rest = text.substr(colon + 3);
  const size_t end = rest.find_first_of("/?");
  PDP_RETURN_IF_ERROR(ReadAuthority(rest.substr(0, end), url));
  url.target = end == std::string_view::npos ? "" : rest.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (HasDotSegment(url.target)) return Refuse("its path has dot segments");
  return url;
}

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // An address, not a name that begins like one.
  return host.starts_with("127.") &&
         All(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

absl::StatusOr<Url> ParseBaseUrl(std::string_view text) {
  PDP_ASSIGN_OR_RETURN(Url url, Url::Parse(text));
  if (url.is_web_socket()) return Refuse("https: is needed");
  if (!url.is_secure() && !IsLoopback(url.host)) {
    return Refuse("https: is needed, but for loopback addresses");
  }
  if (url.target.find('?') != std::string::npos) {
    return Refuse("a base URL has no query");
  }
  if (!url.target.ends_with('/')) url.target += '/';
  return url;
}

bool IsSameServer(const Url& base, const Url& server) {
  const bool is_same_host = base.host == server.host ||
                            (IsLoopback(base.host) && IsLoopback(server.host));
  return is_same_host && base.port == server.port &&
         base.is_secure() == server.is_secure();
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xf];
    }
  }
  return out;
}

}  // namespace pdp::medplum

// Url: an absolute URL of a server, read strictly.
//
// What differs between readers of URLs is refused rather than read one way:
// user names, backslashes, fragments, dot segments, anything outside printable
// ASCII.  So that what was checked here is what is asked for.

#ifndef PDP_MEDPLUM_URL_H_
#define PDP_MEDPLUM_URL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pdp::medplum {

struct Url {
  enum class Scheme : uint8_t { kHttp, kHttps, kWs, kWss };
  Scheme scheme = Scheme::kHttps;
  std::string host;    // In lower case; of an IPv6 address without brackets.
  uint16_t port = 0;   // The scheme's own where none is named.
  std::string target;  // Path and query; begins with `/`.

  // The connection is encrypted.
  bool is_secure() const {
    return scheme == Scheme::kHttps || scheme == Scheme::kWss;
  }
  bool is_web_socket() const {
    return scheme == Scheme::kWs || scheme == Scheme::kWss;
  }

  // `host` or `host:port`, as in a Host header.
  std::string Authority() const;
  // `https://host:port`, without a port where it is the scheme's own.
  std::string Origin() const;
  std::string ToString() const { return Origin() + target; }

  // InvalidArgument: not such a URL.  The message has no part of `text`, which
  // may hold a secret.
  static absl::StatusOr<Url> Parse(std::string_view text);

  friend bool operator==(const Url&, const Url&) = default;
};

// Whether `host` is this machine: `localhost`, 127.0.0.0/8 or ::1.
bool IsLoopback(std::string_view host);

// The base URL of a Medplum server, whose target ends with `/`, added where it
// is missing.  InvalidArgument: no https: URL, nor an http: one of a loopback
// address; or with a query.
absl::StatusOr<Url> ParseBaseUrl(std::string_view text);

// Whether `server` has the host, the port and the encryption of `base`: http
// goes with ws, https with wss.  All names of this machine are one host.
bool IsSameServer(const Url& base, const Url& server);

// `text` as a value in a query or a form: all but letters, digits, `-`, `.` and
// `_` is percent-encoded.
std::string PercentEncode(std::string_view text);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_URL_H_

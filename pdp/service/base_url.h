// The URL of a server, as a configuration gives it.

#ifndef PDP_SERVICE_BASE_URL_H_
#define PDP_SERVICE_BASE_URL_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pdp::service {

// `https://host[:port][/path]`, or with `http:` where the host is this one,
// returned with scheme and host in lower case and a slash at the end.
// InvalidArgument, "`x` ...; write ...", for anything else: credentials, a
// query, a fragment, a path with `..` or escapes.
absl::StatusOr<std::string> ParseBaseUrl(std::string_view text);

}  // namespace pdp::service

#endif  // PDP_SERVICE_BASE_URL_H_

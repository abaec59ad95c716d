// Keys from where their issuer publishes them.

#ifndef PDP_AUTH_KEY_FETCH_H_
#define PDP_AUTH_KEY_FETCH_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "pdp/auth/key_source.h"

namespace pdp::auth {

// `ca_file` has the certificates that the server's is checked against, as PEM;
// empty: those of the system.
//
// InvalidArgument: `url` is no https: URL, or the file cannot be read.  That
// the server cannot be reached is found out later.
absl::StatusOr<std::unique_ptr<KeySource>> OpenKeysByUrl(
    const std::string& url, const std::string& ca_file);

}  // namespace pdp::auth

#endif  // PDP_AUTH_KEY_FETCH_H_

// Keys from where their issuer publishes them.

#ifndef PDP_AUTH_KEY_FETCH_H_
#define PDP_AUTH_KEY_FETCH_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "pdp/auth/key_source.h"

namespace pdp::auth {

// InvalidArgument: `url` is no https: URL.  That it cannot be reached is found
// out later.
absl::StatusOr<std::unique_ptr<KeySource>> OpenKeysByUrl(
    const std::string& url);

}  // namespace pdp::auth

#endif  // PDP_AUTH_KEY_FETCH_H_

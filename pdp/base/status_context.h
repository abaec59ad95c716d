// Where an error happened, said in front of what it says.

#ifndef PDP_BASE_STATUS_CONTEXT_H_
#define PDP_BASE_STATUS_CONTEXT_H_

#include <string_view>

#include "absl/status/status.h"
#include "pdp/base/strings.h"

namespace pdp {

// `status` with the message `context: message`.
// REQUIRES: !status.ok()
inline absl::Status InContext(std::string_view context,
                              const absl::Status& status) {
  return absl::Status(status.code(),
                      ToAbsl(StrCat(context, ": ", ToStd(status.message()))));
}

}  // namespace pdp

#endif  // PDP_BASE_STATUS_CONTEXT_H_

// A status in the place of one decision among several.

#ifndef PDP_SERVICE_ITEM_ERROR_H_
#define PDP_SERVICE_ITEM_ERROR_H_

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"

namespace pdp::service {

// The numbers of absl's codes are those of gRPC.
inline void SetItemError(const absl::Status& status,
                         ::medplum::pdp::v1::ItemError& error) {
  error.set_code(static_cast<int>(status.code()));
  // Protobuf's strings are UTF-8.
  error.set_message(ToValidUtf8(ToStd(status.message())));
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_ITEM_ERROR_H_

// A status in the place of one decision among several.

#ifndef PDP_SERVICE_ITEM_ERROR_H_
#define PDP_SERVICE_ITEM_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::service {

// The numbers of absl's codes are those of gRPC.
inline void SetItemError(const absl::Status& status,
                         ::medplum::pdp::v1::ItemError& error) {
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_ITEM_ERROR_H_

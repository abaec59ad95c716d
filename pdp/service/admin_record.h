// What the audit log says of calls of PdpAdmin that change something.

#ifndef PDP_SERVICE_ADMIN_RECORD_H_
#define PDP_SERVICE_ADMIN_RECORD_H_

#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/metrics.h"

namespace pdp::service {

enum class AdminOrder : uint8_t {
  kRecordFirst,  // Nothing is changed unless that it is tried is recorded.
  kActFirst,     // For what only takes away.
};

// Calls `act`, and records that it was tried and how it ended.  `target` is
// what it is done to; of what is no reference or name, nothing is recorded.
absl::Status RecordAdminCall(const CallAttempt& attempt, Method method,
                             std::string_view target, AdminOrder order,
                             const std::function<absl::Status()>& act);

}  // namespace pdp::service

#endif  // PDP_SERVICE_ADMIN_RECORD_H_

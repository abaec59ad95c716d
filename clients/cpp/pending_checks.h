// The checks of a stream that are not answered yet.

#ifndef PDP_CLIENTS_CPP_PENDING_CHECKS_H_
#define PDP_CLIENTS_CPP_PENDING_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "medplum_pdp/decision.h"

namespace medplum_pdp {

struct PendingCheck {
  std::function<void(Decision)> done;
  absl::Duration sent_at;  // By any clock that never moves back.
};

// By the id that their answer will have.  Not thread-safe.
class PendingChecks {
 public:
  // The id of the next check, from 1.
  uint64_t Add(PendingCheck check);

  // What `id` answers; nothing where that has ended, or never was.
  std::optional<PendingCheck> Take(uint64_t id);
  bool WasSent(uint64_t id) const { return id > 0 && id <= last_id_; }

  // Those that were sent at `until` or before, in their order.
  std::vector<PendingCheck> TakeSentUntil(absl::Duration until);
  // All, in their order.
  std::vector<PendingCheck> TakeAll();

  size_t size() const { return checks_.size(); }
  // When the first of them was sent; nothing where there is none.
  std::optional<absl::Duration> first_sent_at() const;

 private:
  uint64_t last_id_ = 0;
  std::map<uint64_t, PendingCheck> checks_;
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_PENDING_CHECKS_H_

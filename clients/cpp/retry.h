// Whether a call that failed is made once more.

#ifndef PDP_CLIENTS_CPP_RETRY_H_
#define PDP_CLIENTS_CPP_RETRY_H_

#include <atomic>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace medplum_pdp {

// Keeps a server that is down from being asked twice as much as one that is
// well: of many calls that fail, only the first few are made again.
// Thread-safe.
class RetryBudget {
 public:
  // Pays for one retry; false where there is not enough left.
  bool Take();
  // Of a call that succeeded: a tenth of a retry, up to ten.
  void Return();

 private:
  static constexpr int kOfRetry = 10;
  static constexpr int kMost = 10 * kOfRetry;

  std::atomic<int> tenths_{kMost};
};

// Whether the same call may well be answered a moment later, by another server
// perhaps.  Not where the server itself said why it does not decide.
// REQUIRES: it was not the caller that cancelled it.
bool MayRetry(const absl::Status& status);

// How long to wait before a retry: 10 to 50 ms, at random.
absl::Duration RetryWait(absl::BitGenRef random);

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_RETRY_H_

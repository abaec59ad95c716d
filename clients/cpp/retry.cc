#include "clients/cpp/retry.h"

#include <string_view>

#include "absl/random/distributions.h"
#include "pdp/base/strings.h"

namespace medplum_pdp {
namespace {

// How the message of an UNAVAILABLE begins that another try will not mend.
constexpr std::string_view kLasting[] = {"STALE", "CREDENTIALS_REFUSED",
                                         "PROJECT_GONE", "ACCESS_MISSING",
                                         "AUDIT_UNAVAILABLE"};

}  // namespace

bool RetryBudget::Take() {
  int tenths = tenths_.load(std::memory_order_relaxed);
  do {
    if (tenths < kOfRetry) return false;
  } while (!tenths_.compare_exchange_weak(tenths, tenths - kOfRetry,
                                          std::memory_order_relaxed));
  return true;
}

void RetryBudget::Return() {
  int tenths = tenths_.load(std::memory_order_relaxed);
  do {
    if (tenths >= kMost) return;
  } while (!tenths_.compare_exchange_weak(tenths, tenths + 1,
                                          std::memory_order_relaxed));
}

bool MayRetry(const absl::Status& status) {
  // So ends what reaches a server just as it stops.
  if (absl::IsCancelled(status)) return true;
  if (!absl::IsUnavailable(status)) return false;
  const std::string_view message = pdp::ToStd(status.message());
  for (const std::string_view reason : kLasting) {
    if (message.starts_with(reason)) return false;
  }
  return true;
}

absl::Duration RetryWait(absl::BitGenRef random) {
  return absl::Microseconds(
      absl::Uniform(absl::IntervalClosed, random, 10'000, 50'000));
}

}  // namespace medplum_pdp

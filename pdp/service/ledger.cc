#include "pdp/service/ledger.h"

#include <atomic>
#include <chrono>
#include <cstdint>

#include "absl/time/clock.h"
#include "pdp/base/log.h"
#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

// One line a second, whatever the number of writes that fail.
void LogFailure(const absl::Status& status, AuditMode mode) {
  static std::atomic<int64_t> last_second{0};
  const int64_t second = absl::ToUnixSeconds(absl::Now());
  if (last_second.exchange(second) == second) return;
  Log(Severity::kError, "audit_not_written",
      {{"error", ToStd(status.message())}, {"mode", AuditModeName(mode)}});
}

}  // namespace

absl::Status Ledger::Write() {
  if (added_ == 0) return absl::OkStatus();
  const auto begin = std::chrono::steady_clock::now();
  const absl::Status status = chain_->Write();
  const auto end = std::chrono::steady_clock::now();
  metrics_.ObserveAuditWrite(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin)
          .count()));
  const size_t records = added_;
  added_ = 0;
  if (status.ok()) {
    metrics_.CountAuditRecords(records);
    return status;
  }
  const bool is_full = absl::IsResourceExhausted(status);
  metrics_.CountAuditFailure(is_full ? AuditFailure::kNoRoom
                                     : AuditFailure::kFault);
  metrics_.CountAuditDropped(records);
  LogFailure(status, mode_);
  if (is_full) {
    return absl::ResourceExhaustedError(
        "AUDIT_FULL: there is no room for the audit record");
  }
  return absl::UnavailableError(
      "AUDIT_UNAVAILABLE: the audit record could not be written");
}

std::unique_ptr<Ledger> LedgerPool::Take() {
  {
    MutexLock lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Ledger> ledger = std::move(idle_.back());
      idle_.pop_back();
      return ledger;
    }
  }
  return audit_.NewLedger(metrics_);
}

void LedgerPool::Return(std::unique_ptr<Ledger> ledger) {
  if (ledger == nullptr) return;
  MutexLock lock(mutex_);
  idle_.push_back(std::move(ledger));
}

}  // namespace pdp::service

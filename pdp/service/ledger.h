// Ledger: the audit records of the answers that one thread is about to give.
// They are added while the answers are made, and written, all at once, before
// the first of these answers leaves.

#ifndef PDP_SERVICE_LEDGER_H_
#define PDP_SERVICE_LEDGER_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pdp/audit/journal.h"
#include "pdp/audit/record.h"
#include "pdp/base/mutex.h"
#include "pdp/service/audit_mode.h"
#include "pdp/service/metrics.h"

namespace pdp::service {

// For one thread at a time.
class Ledger {
 public:
  // `metrics` must outlive the ledger, and so must the journal of `chain`.
  Ledger(std::unique_ptr<audit::Chain> chain, AuditMode mode, Metrics& metrics)
      : chain_(std::move(chain)), mode_(mode), metrics_(metrics) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Takes the record's text over.
  void Add(const audit::Record& record) {
    chain_->Add(record);
    ++added_;
  }

  // Since the last Write.
  size_t added() const { return added_; }

  // Writes what was added; where that fails, it is forgotten.
  // ResourceExhausted: there is no room; Unavailable: any other fault.  A
  // caller may be told so.
  absl::Status Write();

  // What answers end with after Write returned `written`: OK where they may
  // leave.
  absl::Status Verdict(const absl::Status& written) const {
    return mode_ == AuditMode::kRequired ? written : absl::OkStatus();
  }

 private:
  const std::unique_ptr<audit::Chain> chain_;
  const AuditMode mode_;
  Metrics& metrics_;
  size_t added_ = 0;
};

// Where the records of a server go.
struct Audit {
  AuditMode mode = AuditMode::kOff;
  audit::Journal* journal = nullptr;  // Null with kOff alone.

  // A ledger for one thread; null where nothing is recorded.
  std::unique_ptr<Ledger> NewLedger(Metrics& metrics) const {
    if (mode == AuditMode::kOff) return nullptr;
    return std::make_unique<Ledger>(journal->NewChain(), mode, metrics);
  }
};

// Ledgers that threads share which seldom need one.  Thread-safe.
class LedgerPool {
 public:
  // Both must outlive the pool, and it all ledgers that were taken.
  LedgerPool(const Audit& audit, Metrics& metrics)
      : audit_(audit), metrics_(metrics) {}

  // Null where nothing is recorded.
  std::unique_ptr<Ledger> Take();
  // REQUIRES: nothing is added that is not written.
  void Return(std::unique_ptr<Ledger> ledger);

 private:
  const Audit audit_;
  Metrics& metrics_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Ledger>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_LEDGER_H_

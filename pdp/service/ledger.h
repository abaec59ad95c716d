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
#include "pdp/service/recent_decisions.h"

namespace pdp::service {

// For one thread at a time.
class Ledger {
 public:
  // `metrics` must outlive the ledger, and so must the journal of `chain` and
  // `recent`, which may be null.
  Ledger(std::unique_ptr<audit::Chain> chain, AuditMode mode, Metrics& metrics,
         RecentDecisions* recent = nullptr)
      : chain_(std::move(chain)),
        mode_(mode),
        metrics_(metrics),
        recent_(recent) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Takes the record's text over.
  void Add(const audit::Record& record) {
    chain_->Add(record);
    ++added_;
    const bool is_decision = record.kind != audit::RecordKind::kAccess &&
                             !record.decision_id.empty();
    if (recent_ != nullptr && is_decision) {
      recent_->Note(record.decision_id, record.caller);
    }
  }

  // Whom decisions were given to; null: nobody knows.
  const RecentDecisions* recent() const { return recent_; }

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
  RecentDecisions* const recent_;
  size_t added_ = 0;
};

// Where the records of a server go.
struct Audit {
  AuditMode mode = AuditMode::kOff;
  audit::Journal* journal = nullptr;  // Null with kOff alone.
  RecentDecisions* recent = nullptr;  // May be null.

  // A ledger for one thread; null where nothing is recorded.
  std::unique_ptr<Ledger> NewLedger(Metrics& metrics) const {
    if (mode == AuditMode::kOff) return nullptr;
    return std::make_unique<Ledger>(journal->NewChain(), mode, metrics, recent);
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

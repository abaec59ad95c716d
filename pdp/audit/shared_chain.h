// SharedChain: a chain for threads that seldom write.

#ifndef PDP_AUDIT_SHARED_CHAIN_H_
#define PDP_AUDIT_SHARED_CHAIN_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "pdp/audit/journal.h"
#include "pdp/base/mutex.h"

namespace pdp::audit {

// Thread-safe.  Must not outlive the journal.
class SharedChain {
 public:
  explicit SharedChain(Journal& journal) : chain_(journal.NewChain()) {}

  // All of them or none, as Chain::Write.
  absl::Status Write(absl::Span<const Record> records) {
    MutexLock lock(mutex_);
    for (const Record& record : records) chain_->Add(record);
    return chain_->Write();
  }
  absl::Status Write(const Record& record) {
    return Write(absl::MakeConstSpan(&record, 1));
  }

 private:
  Mutex mutex_;
  const std::unique_ptr<Chain> chain_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_SHARED_CHAIN_H_

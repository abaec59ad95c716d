// ChangeRecorder: what changes of who may do what goes into the audit log.

#ifndef PDP_CHANGE_RECORDER_H_
#define PDP_CHANGE_RECORDER_H_

#include <cstdint>
#include <memory>

#include "pdp/base/mutex.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/service/ledger.h"
#include "pdp/service/metrics.h"
#include "store/store.h"

namespace pdp {

// Records each AccessPolicy, ProjectMembership and Project that is changed or
// deleted, with the revision from which on it counts.  What an empty store is
// filled with at first is no change: one record says up to which revision.
class ChangeRecorder {
 public:
  // All must outlive the recorder.  `is_new`: the store was empty.
  ChangeRecorder(const service::Audit& audit, service::Metrics& metrics,
                 const store::Store& store, bool is_new)
      : store_(store), ledger_(audit.NewLedger(metrics)), is_filling_(is_new) {}

  // In the order of revisions, one after the other: as an observer of the
  // store.
  void Changed(const store::Applied& applied);

  // The first load is complete, if there was one.  From any thread.
  void Filled();

 private:
  void Add(const fhir::ResourceKey& key, uint64_t revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const store::Store& store_;
  Mutex mutex_;
  // Null: nothing is recorded.
  const std::unique_ptr<service::Ledger> ledger_ ABSL_PT_GUARDED_BY(mutex_);
  bool is_filling_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp

#endif  // PDP_CHANGE_RECORDER_H_

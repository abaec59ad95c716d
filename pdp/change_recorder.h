// ChangeRecorder: what changes of who may do what goes into the audit log.

#ifndef PDP_CHANGE_RECORDER_H_
#define PDP_CHANGE_RECORDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/base/mutex.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/recorded_revision.h"
#include "pdp/service/ledger.h"
#include "pdp/service/metrics.h"
#include "store/store.h"

namespace pdp {

// Records each AccessPolicy, ProjectMembership and Project that is changed or
// deleted, with the revision from which on it counts.  What an empty store is
// filled with at first is no change: one record says up to which revision.
// Revisions whose changes could not be recorded, for want of room or since the
// process ended before, are named by a record as soon as one can be written.
class ChangeRecorder {
 public:
  // All must outlive the recorder.  `is_new`: the store was empty, or is a copy
  // of another server's.
  // `recorded_file`: where is kept what has been recorded; empty: nowhere.
  // `machine_run` is as in recorded_revision.h.
  ChangeRecorder(const service::Audit& audit, service::Metrics& metrics,
                 const store::Store& store, bool is_new,
                 const std::string& recorded_file,
                 std::string machine_run = MachineRun());

  // In the order of revisions, one after the other: as an observer of the
  // store.
  void Changed(const store::Applied& applied);

  // The first load is complete, if there was one.  From any thread.
  void Filled();

  // To be called now and then, from one thread at a time.  `sync` is called
  // where changes were recorded since; OK: the audit log up to now is on the
  // disk, so that loss of power leaves no doubt about them.
  void Sync(const std::function<absl::Status()>& sync);

 private:
  void Add(const fhir::ResourceKey& key, uint64_t revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Names the revisions up to `last` that were not recorded, if there are any.
  void AddMissing(uint64_t last) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddEvent(std::string_view event, uint64_t revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const store::Store& store_;
  Mutex mutex_;
  // Null: nothing is recorded.
  const std::unique_ptr<service::Ledger> ledger_ ABSL_PT_GUARDED_BY(mutex_);
  RecordedRevision recorded_ ABSL_GUARDED_BY(mutex_);
  bool is_filling_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp

#endif  // PDP_CHANGE_RECORDER_H_

// Archiver: copies closed segments elsewhere, and removes those that are there
// and need not be here any more.
//
// Nothing is removed that is not, at that moment, in the archive byte by byte;
// without an archive, nothing at all.  What is removed is said in the log
// first.

#ifndef PDP_AUDIT_ARCHIVER_H_
#define PDP_AUDIT_ARCHIVER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/audit/archive_options.h"
#include "pdp/audit/archive_state.h"
#include "pdp/audit/archive_target.h"
#include "pdp/audit/file_journal.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"

namespace pdp::audit {

struct ArchiveStatus {
  bool has_archive = false;
  uint64_t archived = 0;         // Since the start.
  uint64_t failures = 0;         // Since the start.
  uint64_t waiting = 0;          // Closed segments that are not archived.
  uint64_t removed_local = 0;    // Since the start.
  uint64_t removed_archive = 0;  // Since the start.
  uint64_t local_bytes = 0;      // Of all segments here.
  uint64_t free_bytes = 0;       // Of their volume.
  // At the rate of the last day; nothing where they do not grow.
  std::optional<double> days_until_full;
};

// What is known of a volume.
struct VolumeSpace {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
};

// Thread-safe.
class Archiver {
 public:
  // For tests.
  struct Hooks {
    const Clock* clock = &Clock::Real();
    // Of the volume of a directory.
    std::function<VolumeSpace(const std::string& directory)> space;
    bool run_thread = true;  // False: RunOnce is called by the test.
  };

  // `journal` must outlive it.
  static std::unique_ptr<Archiver> Start(FileJournal& journal,
                                         ArchiveOptions options, Hooks hooks);
  static std::unique_ptr<Archiver> Start(FileJournal& journal,
                                         ArchiveOptions options);
  ~Archiver();

  // Archives what is closed and removes what may go.  Its thread does so every
  // ArchiveOptions::interval.
  void RunOnce();

  // Archives what the journal left when it was closed, as there may be no next
  // start here that would.  Removes nothing, which the log would have to say.
  void Finish();

  ArchiveStatus Status() const;

 private:
  struct LocalSegment {
    SegmentName name;
    uint64_t bytes = 0;
    absl::Time end;        // When the next one was started.
    bool is_last = false;  // Of its chain, which goes on from it.
  };

  Archiver(FileJournal& journal, ArchiveOptions options, Hooks hooks);
  void Run();
  void Stop();
  absl::Status ReadState() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  absl::Status Round() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  static absl::StatusOr<std::vector<LocalSegment>> List(
      const std::string& directory);
  void ArchiveAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  absl::Status ArchiveOne(const std::string& name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  absl::Status RemoveLocal(const std::vector<LocalSegment>& segments)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  absl::Status RemoveArchived() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  // Tells of those that are `going`, of each chain the oldest in a row, and
  // removes them.
  absl::Status Remove(const std::string& directory, std::string_view where,
                      std::string_view reason,
                      const std::vector<LocalSegment>& going)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  void Measure(const std::vector<LocalSegment>& segments)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mutex_);
  void Fail(std::string_view what, const absl::Status& status);

  FileJournal& journal_;
  const ArchiveOptions options_;
  const Hooks hooks_;
  const std::unique_ptr<ArchiveTarget> target_;  // Null: there is none.
  const std::string directory_;

  Mutex run_mutex_;
  ArchiveState state_ ABSL_GUARDED_BY(run_mutex_);
  bool has_state_ ABSL_GUARDED_BY(run_mutex_) = false;
  std::deque<std::pair<absl::Duration, uint64_t>> sizes_
      ABSL_GUARDED_BY(run_mutex_);

  mutable Mutex status_mutex_;
  ArchiveStatus status_ ABSL_GUARDED_BY(status_mutex_);

  std::mutex stop_mutex_;
  std::condition_variable stop_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_ARCHIVER_H_

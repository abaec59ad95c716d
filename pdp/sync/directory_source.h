// DirectorySource keeps a store in step with a directory of FHIR JSON files:
// `--source directory:PATH`.
//
// What the files may hold is in directory_content.h.  Every load is all or
// nothing: the difference between the directory and the store becomes one
// Apply.  Where a file is wrong the last good state stays in force, across a
// restart too, and the status says what is wrong.  The store is the source's
// own: what is not in the directory is erased from it.
//
// Changes are noticed at once (inotify), or by the next rescan.

#ifndef PDP_SYNC_DIRECTORY_SOURCE_H_
#define PDP_SYNC_DIRECTORY_SOURCE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/base/mutex.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/sync/directory_content.h"
#include "pdp/sync/file_watcher.h"
#include "pdp/sync/source.h"
#include "store/store.h"

namespace pdp::sync {

// Thread-safe.
class DirectorySource : public Source {
 public:
  struct Options {
    std::string path;
    DirectoryLimits limits;
    // The directory is looked at again, whether it was seen to change or not.
    absl::Duration rescan_interval = absl::Seconds(10);
    // A load begins when nothing has happened for this long, but no later than
    // max_delay after the first change.
    absl::Duration debounce = absl::Milliseconds(50);
    absl::Duration max_delay = absl::Seconds(1);
    const Clock* clock = &Clock::Real();
    // Confirmed whenever the directory was looked at and the last good state is
    // in force.  May be null.
    FeedFreshness* freshness = nullptr;
  };

  // `store`, and what `options` points to, must outlive the source.  `callback`
  // may be empty.
  DirectorySource(Options options, store::Store& store,
                  ChangeCallback callback);
  ~DirectorySource() override;

  absl::Status Start() override;
  void Stop() override;
  absl::Status Resync() override;
  void Reread(std::vector<fhir::ResourceKey> keys, std::string_view project,
              Done done) override;
  void Refresh(std::string_view project, Done done) override;
  SourceStatus Status() const override;

 private:
  void WatchAndReload();
  // Loads, where somebody waits for it.
  void AnswerWaiting();
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(load_mutex_);
  absl::Status Reload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(load_mutex_);
  // Loads where the directory is not as it was.
  void Rescan() ABSL_EXCLUSIVE_LOCKS_REQUIRED(load_mutex_);
  absl::Status ApplyContent(const DirectoryContent& content)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(load_mutex_);
  void Succeeded(size_t resources);
  void Failed(const absl::Status& status);

  const Options options_;
  const std::string name_;
  store::Store& store_;
  const ChangeCallback callback_;

  Mutex load_mutex_;  // Held for all of one load, callback included.
  FileWatcher watcher_;
  // Of the walk whose content the store agrees with.
  std::optional<size_t> loaded_fingerprint_ ABSL_GUARDED_BY(load_mutex_);
  bool warned_of_watches_ ABSL_GUARDED_BY(load_mutex_) = false;

  mutable Mutex status_mutex_;
  SourceStatus status_ ABSL_GUARDED_BY(status_mutex_);

  Mutex waiting_mutex_;
  std::vector<Done> waiting_ ABSL_GUARDED_BY(waiting_mutex_);

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_DIRECTORY_SOURCE_H_

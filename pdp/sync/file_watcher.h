// FileWatcher tells that something changed in some directories (inotify).
//
// It may miss changes: on network file systems, past the kernel's limits, and
// below directories that it is not told about.  Look again now and then.

#ifndef PDP_SYNC_FILE_WATCHER_H_
#define PDP_SYNC_FILE_WATCHER_H_

#include <map>
#include <span>
#include <string>

#include "absl/time/time.h"

namespace pdp::sync {

// Wait is for one thread and Watch for one at a time; Wake is for any.
class FileWatcher {
 public:
  FileWatcher();
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

  // Watches these directories, and no others.  True where one of them was not
  // watched before: something may have changed in it unseen.
  bool Watch(std::span<const std::string> directories);

  // Whether the last Watch could watch all of its directories.
  bool watches_all() const { return watches_all_; }

  // Waits for at most `timeout`.
  enum class Event { kNothing, kChanged, kWoken };
  Event Wait(absl::Duration timeout);

  // Ends the present or the next Wait, on any thread.
  void Wake();

 private:
  bool Drain();

  const int inotify_;  // -1: not to be had.
  const int wake_;
  std::map<std::string, int> watches_;
  bool watches_all_ = true;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FILE_WATCHER_H_

#include "pdp/sync/file_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

namespace pdp::sync {
namespace {

constexpr uint32_t kEvents = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE |
                             IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
                             IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

FileWatcher::FileWatcher()
    : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

FileWatcher::~FileWatcher() {
  if (inotify_ >= 0) close(inotify_);
  if (wake_ >= 0) close(wake_);
}

bool FileWatcher::Watch(std::span<const std::string> directories) {
  const std::set<std::string> wanted(directories.begin(), directories.end());
  bool added = false;
  std::map<std::string, int> watches;
  std::set<int> kept;
  for (const std::string& directory : wanted) {
    // A directory that was replaced by another of its name gets a new watch;
    // one that is watched already gets the same again.
    const int watch =
        inotify_add_watch(inotify_, directory.c_str(), kEvents | IN_ONLYDIR);
    if (watch < 0) continue;
    const auto known = watches_.find(directory);
    added |= known == watches_.end() || known->second != watch;
    kept.insert(watch);
    watches.emplace(directory, watch);
  }
  for (const auto& [directory, watch] : watches_) {
    if (!kept.contains(watch)) inotify_rm_watch(inotify_, watch);
  }
  watches_ = std::move(watches);
  watches_all_ = watches_.size() == wanted.size();
  return added;
}

FileWatcher::Event FileWatcher::Wait(absl::Duration timeout) {
  pollfd files[] = {{.fd = wake_, .events = POLLIN, .revents = 0},
                    {.fd = inotify_, .events = POLLIN, .revents = 0}};
  const int64_t millis =
      std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout), 0, 1 << 30);
  if (poll(files, 2, static_cast<int>(millis)) <= 0) return Event::kNothing;
  if ((files[0].revents & POLLIN) != 0) {
    uint64_t count = 0;
    if (read(wake_, &count, sizeof count) > 0) return Event::kWoken;
  }
  return Drain() ? Event::kChanged : Event::kNothing;
}

bool FileWatcher::Drain() {
  bool any = false;
  alignas(inotify_event) char buffer[4096];
  while (read(inotify_, buffer, sizeof buffer) > 0) any = true;
  return any;
}

void FileWatcher::Wake() {
  const uint64_t one = 1;
  // It fails only where a wake-up is waiting already.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

}  // namespace pdp::sync

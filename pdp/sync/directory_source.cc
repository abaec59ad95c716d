#include "pdp/sync/directory_source.h"

#include <malloc.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/sync/directory_walk.h"
#include "pdp/sync/store_difference.h"

namespace pdp::sync {
namespace {

// New directories are watched before they are read, and are found by reading.
constexpr int kMaxWalks = 3;

// The directory's name, not what it is linked to: a deployment that switches a
// link stays the same source.
std::string NameOf(const std::string& path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) absolute = path;
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return StrCat("directory:", text);
}

// A load takes several times the size of the files for a moment, which the
// allocator would keep.
void ReturnFreeMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace

DirectorySource::DirectorySource(Options options, store::Store& store,
                                 ChangeCallback callback)
    : options_(std::move(options)),
      name_(NameOf(options_.path)),
      store_(store),
      callback_(std::move(callback)) {
  MutexLock lock(status_mutex_);
  status_.name = name_;
}

DirectorySource::~DirectorySource() { Stop(); }

absl::Status DirectorySource::Start() {
  absl::Status loaded;
  {
    MutexLock lock(load_mutex_);
    const absl::StatusOr<std::optional<std::string>> cursor =
        store_.GetCursor(name_, /*project=*/"", /*type=*/"");
    if (cursor.ok() && cursor->has_value()) {
      MutexLock status_lock(status_mutex_);
      status_.ready = true;
    }
    loaded = Load();
  }
  thread_ = std::thread([this] { WatchAndReload(); });
  MutexLock lock(status_mutex_);
  return status_.ready ? absl::OkStatus() : loaded;
}

void DirectorySource::Stop() {
  stopping_ = true;
  watcher_.Wake();
  if (thread_.joinable()) thread_.join();
  AnswerWaiting();
}

absl::Status DirectorySource::Resync() {
  MutexLock lock(load_mutex_);
  return Load();
}

void DirectorySource::Reread(std::vector<fhir::ResourceKey>,
                             std::string_view project, Done done) {
  Refresh(project, std::move(done));
}

void DirectorySource::Refresh(std::string_view, Done done) {
  {
    MutexLock lock(waiting_mutex_);
    waiting_.push_back(std::move(done));
  }
  watcher_.Wake();
  if (stopping_) AnswerWaiting();
}

SourceStatus DirectorySource::Status() const {
  MutexLock lock(status_mutex_);
  SourceStatus status = status_;
  status.revision = store_.revision();
  return status;
}

void DirectorySource::WatchAndReload() {
  while (!stopping_) {
    AnswerWaiting();
    const FileWatcher::Event event = watcher_.Wait(options_.rescan_interval);
    if (stopping_) return;
    if (event == FileWatcher::Event::kWoken) continue;
    if (event == FileWatcher::Event::kChanged) {
      const absl::Time latest = absl::Now() + options_.max_delay;
      while (absl::Now() < latest &&
             watcher_.Wait(options_.debounce) == FileWatcher::Event::kChanged) {
      }
      if (stopping_) return;
      MutexLock lock(load_mutex_);
      Load().IgnoreError();  // It is in the status.
    } else {
      MutexLock lock(load_mutex_);
      Rescan();
    }
  }
}

void DirectorySource::AnswerWaiting() {
  std::vector<Done> waiting;
  {
    MutexLock lock(waiting_mutex_);
    waiting.swap(waiting_);
  }
  if (waiting.empty()) return;
  absl::Status status = absl::UnavailableError("the source has stopped");
  if (!stopping_) {
    MutexLock lock(load_mutex_);
    status = Load();
  }
  if (!status.ok()) status = absl::UnavailableError(status.message());
  for (const Done& done : waiting) done(status);
}

void DirectorySource::Rescan() {
  const absl::Duration began = options_.clock->SinceBoot();
  const absl::StatusOr<Walk> walk =
      WalkDirectory(options_.path, options_.limits.max_files);
  const bool unchanged = walk.ok() && loaded_fingerprint_ == walk->fingerprint;
  if (!unchanged) {
    Load().IgnoreError();  // It is in the status.
  } else if (options_.freshness != nullptr) {
    options_.freshness->Confirm(began);
  }
}

absl::Status DirectorySource::Load() {
  const absl::Duration began = options_.clock->SinceBoot();
  const absl::Status status = Reload();
  ReturnFreeMemory();
  if (!status.ok()) Failed(status);
  bool ready = false;
  {
    MutexLock lock(status_mutex_);
    ready = status_.ready;
  }
  if (ready && options_.freshness != nullptr) {
    options_.freshness->Confirm(began);
  }
  return status;
}

absl::Status DirectorySource::Reload() {
  loaded_fingerprint_.reset();
  PDP_ASSIGN_OR_RETURN(Walk walk,
                       WalkDirectory(options_.path, options_.limits.max_files));
  for (int i = 1; i < kMaxWalks && watcher_.Watch(walk.directories); ++i) {
    PDP_ASSIGN_OR_RETURN(
        walk, WalkDirectory(options_.path, options_.limits.max_files));
  }
  if (!watcher_.watches_all() && !std::exchange(warned_of_watches_, true)) {
    Log(Severity::kWarning, "directory_not_watched",
        {{"source", name_},
         {"directories", walk.directories.size()},
         {"reason", "inotify refuses: changes are found by rescans only"}});
  }
  PDP_ASSIGN_OR_RETURN(const DirectoryContent content,
                       ReadDirectoryContent(walk, options_.limits));
  PDP_RETURN_IF_ERROR(ApplyContent(content));
  loaded_fingerprint_ = walk.fingerprint;
  Succeeded(content.live);
  return absl::OkStatus();
}

absl::Status DirectorySource::ApplyContent(const DirectoryContent& content) {
  PDP_ASSIGN_OR_RETURN(const std::vector<store::Change> changes,
                       DifferenceOf(store_, content));
  std::vector<store::Cursor> cursors;
  PDP_ASSIGN_OR_RETURN(const std::vector<store::Cursor> stored,
                       store_.Cursors());
  bool known = false;
  for (const store::Cursor& cursor : stored) {
    if (cursor.source == name_) {
      known = true;
      continue;
    }
    // The store no longer holds what that source had put there.
    cursors.push_back({.source = cursor.source,
                       .project = cursor.project,
                       .type = cursor.type});
    Log(Severity::kWarning, "source_replaced", {{"source", cursor.source}});
  }
  if (!known) cursors.push_back({.source = name_, .position = "loaded"});
  if (changes.empty() && cursors.empty()) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const uint64_t revision, store_.Apply(changes, cursors));
  std::vector<fhir::ResourceKey> changed;
  for (const store::Change& change : changes) {
    if (changed.empty() || changed.back() != change.key) {
      changed.push_back(change.key);
    }
  }
  if (!changed.empty()) {
    Log(Severity::kInfo, "directory_loaded",
        {{"source", name_},
         {"revision", revision},
         {"changed", changed.size()},
         {"resources", content.live}});
    if (callback_) callback_(revision, changed);
  }
  return absl::OkStatus();
}

void DirectorySource::Succeeded(size_t resources) {
  MutexLock lock(status_mutex_);
  if (!status_.last_error.empty()) {
    Log(Severity::kInfo, "directory_repaired", {{"source", name_}});
  }
  status_.ready = true;
  status_.last_success = options_.clock->Now();
  status_.last_error.clear();
  status_.resources = resources;
  ++status_.reloads;
}

void DirectorySource::Failed(const absl::Status& status) {
  const std::string error(ToStd(status.message()));
  MutexLock lock(status_mutex_);
  // A rescan that finds the same again is no event.
  if (status_.last_error != error) {
    Log(Severity::kError, "directory_refused",
        {{"source", name_},
         {"error", error},
         {"last_good_state_in_force", status_.ready}});
  }
  status_.last_error = error;
  status_.last_failure = options_.clock->Now();
  ++status_.failures;
}

}  // namespace pdp::sync

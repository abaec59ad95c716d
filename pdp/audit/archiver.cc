#include "pdp/audit/archiver.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "pdp/audit/segment_scan.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr std::string_view kLocal = "local";
constexpr std::string_view kArchive = "archive";
constexpr absl::Duration kGrowthWindow = absl::Hours(24);
constexpr absl::Duration kMinGrowthTime = absl::Minutes(10);

VolumeSpace SpaceOf(const std::string& directory) {
  struct statvfs info = {};
  if (statvfs(directory.c_str(), &info) != 0) return {};
  return {.total_bytes = uint64_t{info.f_blocks} * info.f_frsize,
          .free_bytes = uint64_t{info.f_bavail} * info.f_frsize};
}

double Use(const VolumeSpace& space) {
  if (space.total_bytes == 0) return 0;
  return 1 - static_cast<double>(space.free_bytes) /
                 static_cast<double>(space.total_bytes);
}

}  // namespace

Archiver::Archiver(FileJournal& journal, ArchiveOptions options, Hooks hooks)
    : journal_(journal),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      target_(options_.has_archive() ? MakeArchiveTarget(options_) : nullptr),
      directory_(journal.options().directory) {
  status_.has_archive = target_ != nullptr;
}

std::unique_ptr<Archiver> Archiver::Start(FileJournal& journal,
                                          ArchiveOptions options, Hooks hooks) {
  if (hooks.space == nullptr) hooks.space = SpaceOf;
  auto archiver = absl::WrapUnique(
      new Archiver(journal, std::move(options), std::move(hooks)));
  if (archiver->hooks_.run_thread) {
    archiver->thread_ = std::thread([raw = archiver.get()] { raw->Run(); });
  }
  return archiver;
}

std::unique_ptr<Archiver> Archiver::Start(FileJournal& journal,
                                          ArchiveOptions options) {
  return Start(journal, std::move(options), Hooks());
}

Archiver::~Archiver() { Stop(); }

void Archiver::Stop() {
  {
    const std::lock_guard<std::mutex> lock(stop_mutex_);
    is_stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Archiver::Finish() {
  Stop();
  if (target_ == nullptr) return;
  MutexLock lock(run_mutex_);
  if (const absl::Status status = ReadState(); !status.ok()) {
    Fail(directory_, status);
    return;
  }
  ArchiveAll();
}

absl::Status Archiver::ReadState() {
  if (has_state_) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(state_, ArchiveState::Read(directory_));
  has_state_ = true;
  return absl::OkStatus();
}

void Archiver::Run() {
  const auto interval = absl::ToChronoNanoseconds(options_.interval);
  std::unique_lock<std::mutex> lock(stop_mutex_);
  do {
    lock.unlock();
    RunOnce();
    lock.lock();
  } while (!stop_.wait_for(lock, interval, [this] { return is_stopping_; }));
}

void Archiver::Fail(std::string_view what, const absl::Status& status) {
  {
    MutexLock lock(status_mutex_);
    ++status_.failures;
  }
  Log(Severity::kError, "audit_archive_failed",
      {{"at", what}, {"error", ToStd(status.message())}});
}

void Archiver::RunOnce() {
  MutexLock lock(run_mutex_);
  if (const absl::Status status = Round(); !status.ok()) {
    Fail(directory_, status);
  }
}

absl::Status Archiver::Round() {
  PDP_RETURN_IF_ERROR(ReadState());
  if (target_ != nullptr) {
    ArchiveAll();
    PDP_ASSIGN_OR_RETURN(const std::vector<LocalSegment> segments,
                         List(directory_));
    PDP_RETURN_IF_ERROR(RemoveLocal(segments));
    if (!options_.directory.empty()) PDP_RETURN_IF_ERROR(RemoveArchived());
  }
  PDP_ASSIGN_OR_RETURN(const std::vector<LocalSegment> left, List(directory_));
  Measure(left);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Archiver::LocalSegment>> Archiver::List(
    const std::string& directory) {
  PDP_ASSIGN_OR_RETURN(const std::vector<SegmentName> names,
                       ListSegments(directory));
  std::vector<LocalSegment> segments;
  for (size_t i = 0; i < names.size(); ++i) {
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(
        StrCat(directory, "/", names[i].ToString()), error);
    const bool is_last =
        i + 1 == names.size() || names[i + 1].chain != names[i].chain;
    segments.push_back(
        {.name = names[i],
         .bytes = error ? 0 : bytes,
         .end = is_last ? absl::InfiniteFuture() : names[i + 1].start,
         .is_last = is_last});
  }
  return segments;
}

void Archiver::ArchiveAll() {
  const auto closed = journal_.ClosedSegments();
  if (!closed.ok()) {
    Fail(directory_, closed.status());
    return;
  }
  uint64_t waiting = 0;
  for (const SegmentName& name : *closed) {
    const std::string text = name.ToString();
    if (state_.archived.contains(text)) continue;
    const absl::Status status = ArchiveOne(text);
    if (status.ok()) continue;
    ++waiting;
    Fail(text, status);
    // What fails once will fail for the next one, too.
    if (waiting == 1 && !options_.command.empty()) {
      waiting = 0;
      for (const SegmentName& other : *closed) {
        waiting += !state_.archived.contains(other.ToString());
      }
      break;
    }
  }
  MutexLock lock(status_mutex_);
  status_.waiting = waiting;
}

absl::Status Archiver::ArchiveOne(const std::string& name) {
  const std::string path = StrCat(directory_, "/", name);
  PDP_ASSIGN_OR_RETURN(const Hash here, DigestOfFile(path));
  PDP_RETURN_IF_ERROR(target_->Store(path));
  PDP_ASSIGN_OR_RETURN(const Hash there, target_->DigestOf(path));
  if (here != there) {
    return absl::DataLossError("the copy in the archive differs");
  }
  state_.archived[name] = here;
  PDP_RETURN_IF_ERROR(state_.Write(directory_));
  MutexLock lock(status_mutex_);
  ++status_.archived;
  return absl::OkStatus();
}

absl::Status Archiver::RemoveLocal(const std::vector<LocalSegment>& segments) {
  const absl::Time now = hooks_.clock->Now();
  const VolumeSpace space = hooks_.space(directory_);
  const double excess = (Use(space) - options_.max_volume_use) *
                        static_cast<double>(space.total_bytes);
  double to_free = std::max(0.0, excess);
  // Oldest first, over all chains; of a chain none before the one before it.
  std::vector<LocalSegment> by_age = segments;
  std::stable_sort(by_age.begin(), by_age.end(),
                   [](const LocalSegment& a, const LocalSegment& b) {
                     return a.name.start < b.name.start;
                   });
  std::set<uint32_t> kept_chains;
  std::vector<LocalSegment> going;
  bool is_for_space = false;
  for (const LocalSegment& segment : by_age) {
    const std::string name = segment.name.ToString();
    const bool is_needed =
        options_.is_needed != nullptr && options_.is_needed(segment.name);
    const bool is_old =
        !is_needed && segment.end + options_.local_retention <= now;
    const bool may_go = !segment.is_last && state_.archived.contains(name) &&
                        (is_old || to_free > 0) &&
                        !kept_chains.contains(segment.name.chain);
    if (!may_go) {
      kept_chains.insert(segment.name.chain);
      continue;
    }
    // As it is at this moment, not as it was when it was archived.
    const std::string path = StrCat(directory_, "/", name);
    const auto here = DigestOfFile(path);
    const auto there = target_->DigestOf(path);
    if (!here.ok() || !there.ok() || *here != *there) {
      Fail(name, absl::DataLossError(
                     "not in the archive as it is here; it is archived again"));
      state_.archived.erase(name);
      kept_chains.insert(segment.name.chain);
      continue;
    }
    is_for_space |= !is_old;
    to_free -= static_cast<double>(segment.bytes);
    going.push_back(segment);
  }
  return Remove(directory_, kLocal, is_for_space ? "space" : "age", going);
}

absl::Status Archiver::RemoveArchived() {
  const absl::Time now = hooks_.clock->Now();
  std::error_code error;
  if (!std::filesystem::exists(options_.directory, error)) {
    return absl::OkStatus();
  }
  PDP_ASSIGN_OR_RETURN(const std::vector<LocalSegment> segments,
                       List(options_.directory));
  std::set<uint32_t> kept_chains;
  std::vector<LocalSegment> going;
  for (const LocalSegment& segment : segments) {
    const std::string name = segment.name.ToString();
    if (segment.is_last || segment.end + options_.retention > now ||
        kept_chains.contains(segment.name.chain)) {
      kept_chains.insert(segment.name.chain);
      continue;
    }
    const auto scan = ScanSegment(StrCat(options_.directory, "/", name));
    const bool is_ours =
        scan.ok() && scan->header &&
        scan->header->chain == ChainId(journal_.log(), segment.name.chain);
    const bool is_here =
        std::filesystem::exists(StrCat(directory_, "/", name), error);
    if (!is_ours || is_here || scan->torn.bytes != 0) {
      if (!scan.ok() || (is_ours && scan->torn.bytes != 0)) {
        Fail(name, absl::DataLossError("kept, as it is not whole"));
      }
      kept_chains.insert(segment.name.chain);
      continue;
    }
    going.push_back(segment);
  }
  return Remove(options_.directory, kArchive, "retention", going);
}

absl::Status Archiver::Remove(const std::string& directory,
                              std::string_view where, std::string_view reason,
                              const std::vector<LocalSegment>& going) {
  if (going.empty()) return absl::OkStatus();
  for (const LocalSegment& segment : going) {
    const std::string path = StrCat(directory, "/", segment.name.ToString());
    PDP_ASSIGN_OR_RETURN(const SegmentScan scan, ScanSegment(path));
    if (!scan.header)
      return absl::DataLossError(StrCat(path, " has no header"));
    Removal& removal = state_.removed[{std::string(where), scan.header->chain}];
    if (segment.name.number < removal.segment) continue;
    removal = {.chain = scan.header->chain,
               .segment = segment.name.number,
               .head = scan.end.head,
               .where = std::string(where),
               .reason = std::string(reason)};
  }
  // Of all chains each time: the records of earlier removals go, too.
  std::vector<Removal> removals;
  for (const auto& [place, removal] : state_.removed) {
    removals.push_back(removal);
  }
  PDP_RETURN_IF_ERROR(journal_.RecordRemovals(removals));
  PDP_RETURN_IF_ERROR(state_.Write(directory_));
  uint64_t removed = 0;
  for (const LocalSegment& segment : going) {
    const std::string name = segment.name.ToString();
    if (unlink(StrCat(directory, "/", name).c_str()) != 0 && errno != ENOENT) {
      return FileError(StrCat("cannot remove `", name, "`"), errno);
    }
    if (where == kLocal) state_.archived.erase(name);
    ++removed;
  }
  {
    MutexLock lock(status_mutex_);
    (where == kLocal ? status_.removed_local : status_.removed_archive) +=
        removed;
  }
  Log(Severity::kInfo, "audit_segments_removed",
      {{"where", where}, {"reason", reason}, {"segments", removed}});
  return state_.Write(directory_);
}

void Archiver::Measure(const std::vector<LocalSegment>& segments) {
  uint64_t bytes = 0;
  for (const LocalSegment& segment : segments) bytes += segment.bytes;
  const absl::Duration now = hooks_.clock->SinceBoot();
  sizes_.emplace_back(now, bytes);
  while (now - sizes_.front().first > kGrowthWindow) sizes_.pop_front();
  const VolumeSpace space = hooks_.space(directory_);
  const auto& [then, bytes_then] = sizes_.front();

  MutexLock lock(status_mutex_);
  status_.local_bytes = bytes;
  status_.free_bytes = space.free_bytes;
  status_.days_until_full.reset();
  if (now - then < kMinGrowthTime || bytes <= bytes_then) return;
  const double bytes_a_day = static_cast<double>(bytes - bytes_then) /
                             absl::FDivDuration(now - then, absl::Hours(24));
  status_.days_until_full = static_cast<double>(space.free_bytes) / bytes_a_day;
}

ArchiveStatus Archiver::Status() const {
  MutexLock lock(status_mutex_);
  return status_;
}

}  // namespace pdp::audit

#include "pdp/audit/file_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/recovery.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/signature.h"

namespace pdp::audit {
namespace {

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  const std::filesystem::path parent =
      std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return FileError(StrCat("cannot make `", path, "`"), errno);
  }
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(
        StrCat("`", path, "` is no directory"));
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    Log(Severity::kWarning, "audit_directory_open_to_others",
        {{"directory", path}});
  }
  return absl::OkStatus();
}

void TellNotClosed(std::string_view chain, const PreviousSegment& previous) {
  Log(Severity::kWarning, "audit_chain_not_closed",
      {{"chain", chain},
       {"segment", previous.number},
       {"reason", previous.left},
       {"seq", previous.end.seq},
       {"torn_bytes", previous.torn_bytes},
       {"lost_to", previous.lost_to.value_or(0)}});
}

}  // namespace

class FileJournal::Lock {
 public:
  static absl::StatusOr<std::unique_ptr<Lock>> Take(
      const std::string& directory) {
    const std::string path = StrCat(directory, "/", kLockName);
    const int file =
        open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) return FileError(StrCat("cannot open `", path, "`"), errno);
    auto lock = std::make_unique<Lock>(file);
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
      return absl::FailedPreconditionError(
          StrCat("another server writes to `", directory, "`"));
    }
    return lock;
  }
  explicit Lock(int file) : file_(file) {}
  ~Lock() { close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const int file_;
};

FileJournal::FileJournal(JournalOptions options, std::unique_ptr<Lock> lock)
    : options_(std::move(options)), lock_(std::move(lock)) {}

absl::StatusOr<std::unique_ptr<FileJournal>> FileJournal::Open(
    JournalOptions options) {
  PDP_RETURN_IF_ERROR(MakeDirectory(options.directory));
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<Lock> lock,
                       Lock::Take(options.directory));
  auto journal =
      absl::WrapUnique(new FileJournal(std::move(options), std::move(lock)));
  PDP_RETURN_IF_ERROR(journal->Start());
  return journal;
}

absl::Status FileJournal::Start() {
  PDP_ASSIGN_OR_RETURN(RecoveredChains recovered, Recover(options_.directory));
  constexpr int kIdBytes = 8;
  log_ = recovered.log.empty() ? medplum::RandomHex(kIdBytes) : recovered.log;
  instance_ = medplum::RandomHex(kIdBytes);
  if (options_.signing_key == nullptr) {
    Log(Severity::kWarning, "audit_unsigned",
        {{"advice", "audit.signing-key-file names an Ed25519 key in PEM"}});
  }
  std::vector<ChainWriter*> not_closed;
  {
    MutexLock lock(mutex_);
    for (auto& [chain, previous] : recovered.chains) {
      const bool was_closed = previous.left.empty();
      if (!was_closed) TellNotClosed(ChainId(log_, chain), previous);
      ChainWriter& writer = AddWriter(chain, std::move(previous));
      free_.insert(chain);
      if (!was_closed) not_closed.push_back(&writer);
    }
  }
  for (ChainWriter* writer : not_closed) {
    const absl::Status status = writer->Start();
    if (status.ok()) continue;
    // It is tried again before the next record.
    Log(Severity::kError, "audit_not_writable",
        {{"error", ToStd(status.message())}});
  }
  if (options_.run_thread) thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

FileJournal::~FileJournal() { Close(); }

void FileJournal::Close() {
  {
    const std::lock_guard<std::mutex> lock(stop_mutex_);
    is_stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
  {
    MutexLock lock(housekeeping_mutex_);
    housekeeping_.reset();
  }
  std::vector<ChainWriter*> writers;
  {
    MutexLock lock(mutex_);
    for (const auto& [chain, writer] : writers_)
      writers.push_back(writer.get());
  }
  for (ChainWriter* writer : writers) writer->Close();
  Maintain();
}

ChainWriter& FileJournal::AddWriter(uint32_t chain, PreviousSegment previous) {
  std::unique_ptr<ChainWriter>& writer = writers_[chain];
  writer = std::make_unique<ChainWriter>(
      options_, ChainNames{.log = log_, .instance = instance_, .chain = chain},
      std::move(previous), counters_,
      [this](std::shared_ptr<SegmentFile> file) {
        MutexLock lock(mutex_);
        files_.push_back(std::move(file));
      });
  return *writer;
}

std::unique_ptr<FileJournal::Handle> FileJournal::NewHandle() {
  MutexLock lock(mutex_);
  if (free_.empty()) {
    const uint32_t chain = writers_.empty() ? 0 : writers_.rbegin()->first + 1;
    return std::make_unique<Handle>(*this, AddWriter(chain, PreviousSegment()));
  }
  const uint32_t chain = *free_.begin();
  free_.erase(free_.begin());
  return std::make_unique<Handle>(*this, *writers_[chain]);
}

std::unique_ptr<Chain> FileJournal::NewChain() { return NewHandle(); }

void FileJournal::GiveBack(ChainWriter& writer) {
  writer.Close();
  MutexLock lock(mutex_);
  free_.insert(writer.chain());
}

void FileJournal::Run() {
  const auto interval = absl::ToChronoNanoseconds(options_.sync_interval);
  std::unique_lock<std::mutex> lock(stop_mutex_);
  while (!stop_.wait_for(lock, interval, [this] { return is_stopping_; })) {
    lock.unlock();
    Maintain();
    lock.lock();
  }
}

// Syncs each file.  One that no chain writes to any more is synced for the last
// time.
void FileJournal::Sync() {
  MutexLock syncing(sync_mutex_);
  std::vector<std::shared_ptr<SegmentFile>> closed;
  std::vector<std::shared_ptr<SegmentFile>> open;
  {
    MutexLock lock(mutex_);
    for (std::shared_ptr<SegmentFile>& file : files_) {
      (file.use_count() == 1 ? closed : open).push_back(std::move(file));
    }
    files_ = open;
  }
  for (const auto* files : {&closed, &open}) {
    for (const std::shared_ptr<SegmentFile>& file : *files) {
      const absl::Status status = file->Sync();
      if (status.ok()) continue;
      counters_.failed_syncs.fetch_add(1, std::memory_order_relaxed);
      Log(Severity::kError, "audit_sync_failed",
          {{"segment", file->name()}, {"error", ToStd(status.message())}});
    }
  }
}

absl::Status FileJournal::SyncWritten() {
  Sync();
  if (counters_.failed_syncs == 0) return absl::OkStatus();
  return absl::UnavailableError("the audit log was not synced");
}

void FileJournal::TellHeads(const std::vector<Head>& heads) {
  for (const Head& head : heads) {
    Log(Severity::kInfo, "audit_head",
        {{"chain", head.chain},
         {"segment", head.segment},
         {"seq", head.seq},
         {"head", ToHex(head.head)}});
  }
}

void FileJournal::Maintain() {
  MutexLock maintaining(maintain_mutex_);
  std::vector<ChainWriter*> writers;
  {
    MutexLock lock(mutex_);
    for (const auto& [chain, writer] : writers_)
      writers.push_back(writer.get());
  }
  std::vector<Head> heads;
  for (ChainWriter* writer : writers) {
    if (auto head = writer->Maintain()) heads.push_back(*std::move(head));
  }
  // What is told of is on the disk.
  Sync();
  std::vector<Head> all;
  {
    MutexLock lock(mutex_);
    for (Head& head : heads) heads_[head.chain] = head;
    for (const auto& [chain, head] : heads_) all.push_back(head);
  }
  const absl::Duration now = options_.clock->SinceBoot();
  bool is_stopping = false;
  {
    const std::lock_guard<std::mutex> lock(stop_mutex_);
    is_stopping = is_stopping_;
  }
  if (now - last_told_ < options_.checkpoint_interval && !is_stopping) return;
  std::vector<Head> news;
  for (const Head& head : all) {
    uint64_t& told = told_[head.chain];
    if (told == head.seq) continue;
    told = head.seq;
    news.push_back(head);
  }
  last_told_ = now;
  if (news.empty()) return;
  TellHeads(news);
  if (const absl::Status status = WriteHeads(options_.directory, all);
      !status.ok()) {
    Log(Severity::kError, "audit_heads_not_written",
        {{"error", ToStd(status.message())}});
  }
}

JournalStatus FileJournal::Status() const {
  JournalStatus status;
  status.records = counters_.records;
  status.bytes = counters_.bytes;
  status.failed_writes = counters_.failed_writes;
  status.failed_syncs = counters_.failed_syncs;
  status.checkpoints = counters_.checkpoints;
  status.segments = counters_.segments;
  status.dropped = counters_.dropped;
  status.is_signed = options_.signing_key != nullptr;
  MutexLock lock(mutex_);
  for (const auto& [chain, head] : heads_) status.heads.push_back(head);
  return status;
}

absl::StatusOr<std::vector<SegmentName>> FileJournal::ClosedSegments() const {
  // A segment that is started after this is not in the list.
  PDP_ASSIGN_OR_RETURN(const std::vector<SegmentName> names,
                       ListSegments(options_.directory));
  std::vector<SegmentName> closed;
  MutexLock lock(mutex_);
  for (const SegmentName& name : names) {
    const auto writer = writers_.find(name.chain);
    const bool is_open = writer != writers_.end() &&
                         writer->second->open_segment() <= name.number &&
                         writer->second->open_segment() != 0;
    if (!is_open) closed.push_back(name);
  }
  return closed;
}

absl::Status FileJournal::RecordRemovals(const std::vector<Removal>& removals) {
  MutexLock lock(housekeeping_mutex_);
  if (housekeeping_ == nullptr) housekeeping_ = NewHandle();
  for (const Removal& removal : removals) {
    std::string members;
    LineWriter line(members);
    line.Time("time", options_.clock->Now());
    line.Text("kind", kRemovalKind);
    line.Text("removed_chain", removal.chain);
    line.Number("removed_through", removal.segment);
    line.Text("removed_head", ToHex(removal.head));
    line.Text("where", removal.where);
    line.Text("reason", removal.reason);
    housekeeping_->AddOwn(members);
  }
  const uint64_t failed = counters_.failed_syncs;
  PDP_RETURN_IF_ERROR(housekeeping_->Write());
  Sync();
  if (counters_.failed_syncs == failed) return absl::OkStatus();
  return absl::UnavailableError("removals cannot be synced");
}

}  // namespace pdp::audit

#include "pdp/audit/segment_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr uint64_t kPageBytes = 4096;
// Less than this is left in memory, for whoever looks at it.
constexpr uint64_t kMinForgotten = uint64_t{1} << 20;

}  // namespace

ssize_t FileCalls::Write(int file, std::string_view bytes) {
  return write(file, bytes.data(), bytes.size());
}
int FileCalls::Truncate(int file, uint64_t size) {
  return ftruncate(file, static_cast<off_t>(size));
}
int FileCalls::Sync(int file) { return fdatasync(file); }
void FileCalls::Forget(int file, uint64_t begin, uint64_t end) {
  posix_fadvise(file, static_cast<off_t>(begin),
                static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED);
}

FileCalls& FileCalls::Real() {
  static FileCalls real;
  return real;
}

absl::Status FileError(std::string_view what, int error) {
  const std::string message = StrCat(what, ": ", std::strerror(error));
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return is_full ? absl::ResourceExhaustedError(message)
                 : absl::UnavailableError(message);
}

absl::Status SyncDirectory(const std::string& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return FileError("cannot open the directory", errno);
  const int result = fsync(file);
  const int error = errno;
  close(file);
  if (result != 0) return FileError("cannot sync the directory", error);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SegmentFile>> SegmentFile::Create(
    const std::string& directory, const std::string& name, FileCalls& calls) {
  const std::string path = StrCat(directory, "/", name);
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
           S_IRUSR | S_IWUSR);
  if (file < 0) return FileError(StrCat("cannot make `", path, "`"), errno);
  auto made = absl::WrapUnique(new SegmentFile(file, name, calls));
  PDP_RETURN_IF_ERROR(SyncDirectory(directory));
  return made;
}

SegmentFile::~SegmentFile() { close(file_); }

absl::Status SegmentFile::CutBack(int error) {
  if (calls_.Truncate(file_, size_) != 0) is_whole_ = false;
  return FileError(StrCat("cannot write `", name_, "`"), error);
}

absl::Status SegmentFile::Append(std::string_view bytes) {
  uint64_t written = 0;
  while (written < bytes.size()) {
    const ssize_t count = calls_.Write(file_, bytes.substr(written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return CutBack(count < 0 ? errno : EIO);
    written += static_cast<uint64_t>(count);
  }
  size_ += bytes.size();
  is_dirty_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status SegmentFile::AppendSynced(std::string_view bytes) {
  const uint64_t before = size_;
  PDP_RETURN_IF_ERROR(Append(bytes));
  absl::Status synced = Sync();
  // Another thread's sync may have been the one that took these along.
  if (synced.ok() && sync_failed_) {
    synced = FileError(StrCat("cannot sync `", name_, "`"), EIO);
  }
  if (synced.ok()) return synced;
  size_ = before;
  if (calls_.Truncate(file_, size_) != 0) is_whole_ = false;
  return synced;
}

// The last page stays: it may be appended to, and would have to be read first.
void SegmentFile::ForgetUpTo(uint64_t end) {
  const uint64_t begin = forgotten_;
  end -= end % kPageBytes;
  if (end < begin + kMinForgotten) return;
  calls_.Forget(file_, begin, end);
  forgotten_ = end;
}

absl::Status SegmentFile::Sync() {
  MutexLock lock(sync_mutex_);
  if (!is_dirty_.exchange(false, std::memory_order_acq_rel)) {
    return absl::OkStatus();
  }
  const uint64_t synced = size_;
  if (calls_.Sync(file_) == 0) {
    ForgetUpTo(synced);
    return absl::OkStatus();
  }
  const int error = errno;
  sync_failed_ = true;
  return FileError(StrCat("cannot sync `", name_, "`"), error);
}

}  // namespace pdp::audit

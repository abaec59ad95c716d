// SegmentFile: one file that is appended to, and never holds a part of what
// could not be written whole.

#ifndef PDP_AUDIT_SEGMENT_FILE_H_
#define PDP_AUDIT_SEGMENT_FILE_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/base/mutex.h"

namespace pdp::audit {

// The calls to the operating system that tests let fail.
class FileCalls {
 public:
  virtual ~FileCalls() = default;
  virtual ssize_t Write(int file, std::string_view bytes);
  virtual int Truncate(int file, uint64_t size);
  virtual int Sync(int file);
  // The kernel need not keep these bytes in memory.
  virtual void Forget(int file, uint64_t begin, uint64_t end);

  static FileCalls& Real();
};

// Append is for one thread at a time; Sync may be called beside it.
class SegmentFile {
 public:
  // A new file; `directory` is synced so that its name lasts.
  // ResourceExhausted: there is no room; Unavailable: any other fault.
  static absl::StatusOr<std::unique_ptr<SegmentFile>> Create(
      const std::string& directory, const std::string& name, FileCalls& calls);
  ~SegmentFile();

  // One write.  On a fault the file is cut back to what it was; where that
  // fails too, is_whole() is false from then on.
  absl::Status Append(std::string_view bytes);
  // As Append, and on the disk when it returns.
  absl::Status AppendSynced(std::string_view bytes);

  // What was appended, to the disk, and every now and then out of the page
  // cache: an audit log is not read again soon, and memory that is used over
  // and over is cheaper to write to than memory that never was.  A file that
  // cannot be synced has lost something, perhaps, and is not to be appended to
  // any more.  What another thread syncs at the moment is waited for.
  absl::Status Sync();

  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  bool is_whole() const { return is_whole_; }
  bool sync_failed() const { return sync_failed_; }

 private:
  SegmentFile(int file, std::string name, FileCalls& calls)
      : file_(file), name_(std::move(name)), calls_(calls) {}
  absl::Status CutBack(int error);
  void ForgetUpTo(uint64_t end);

  const int file_;
  const std::string name_;
  FileCalls& calls_;
  // Up to the last Append that was OK.
  std::atomic<uint64_t> size_ = 0;
  bool is_whole_ = true;
  std::atomic<bool> is_dirty_ = false;
  std::atomic<bool> sync_failed_ = false;
  std::atomic<uint64_t> forgotten_ = 0;  // Up to here.
  Mutex sync_mutex_;                     // Held for all of one sync.
};

// ResourceExhausted where `error` says that there is no room, Unavailable else.
absl::Status FileError(std::string_view what, int error);

// The names in `directory`, to the disk.
absl::Status SyncDirectory(const std::string& directory);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_SEGMENT_FILE_H_

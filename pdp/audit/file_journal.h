// FileJournal: an audit log in a directory.
//
// A chain that a thread lets go of is taken up by the next one that asks, and
// by the next run of the server: there are as many chains as ever were in use
// at a time.

#ifndef PDP_AUDIT_FILE_JOURNAL_H_
#define PDP_AUDIT_FILE_JOURNAL_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit/chain_writer.h"
#include "pdp/audit/journal.h"
#include "pdp/audit/journal_options.h"
#include "pdp/audit/segment.h"
#include "pdp/base/mutex.h"

namespace pdp::audit {

// A segment, or all up to it, that is about to be deleted.
struct Removal {
  std::string chain;     // As in the headers.
  uint64_t segment = 0;  // This one, and all before it.
  Hash head{};           // Of the last record of it.
  std::string where;     // "local" or "archive".
  std::string reason;    // "age", "space", "retention".
};

// Thread-safe.
class FileJournal : public Journal {
 public:
  // One process at a time may have a directory.  Chains that were not closed
  // when a server ended are gone on with in new segments, which say so.
  // FailedPrecondition: another process has it, or it has files that are none
  // of this log's.  Unavailable, ResourceExhausted: it cannot be written to.
  static absl::StatusOr<std::unique_ptr<FileJournal>> Open(
      JournalOptions options);
  // Closes, if that was not done.
  ~FileJournal() override;

  // Ends each chain with a record that says so, and syncs.
  // REQUIRES: nothing is written any more.
  void Close();

  std::unique_ptr<Chain> NewChain() override;
  // As NewChain, as what it is.
  class Handle;
  std::unique_ptr<Handle> NewHandle();

  JournalStatus Status() const;

  // OK: all that was written before is on the disk.  Unavailable: some of it
  // may not be, or something that was written since the start is not.
  absl::Status SyncWritten();

  // Syncs, writes what is due by time, and tells of the heads.  Its thread does
  // so every JournalOptions::sync_interval.
  void Maintain();

  // The segments in the directory that are not written to any more, by chain
  // and number.
  absl::StatusOr<std::vector<SegmentName>> ClosedSegments() const;

  // Writes that these are about to be deleted, and syncs.
  absl::Status RecordRemovals(const std::vector<Removal>& removals);

  const JournalOptions& options() const { return options_; }
  // What the chains of this directory have in common.
  const std::string& log() const { return log_; }
  JournalCounters& counters() { return counters_; }

 private:
  class Lock;

  FileJournal(JournalOptions options, std::unique_ptr<Lock> lock);
  absl::Status Start();
  ChainWriter& AddWriter(uint32_t chain, PreviousSegment previous)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveBack(ChainWriter& writer);
  void Run();
  void Sync();
  void TellHeads(const std::vector<Head>& heads);

  const JournalOptions options_;
  const std::unique_ptr<Lock> lock_;
  std::string log_;
  std::string instance_;
  JournalCounters counters_;

  Mutex sync_mutex_;  // Held while files are synced.
  mutable Mutex mutex_;
  // By their numbers.  Never removed from.
  std::map<uint32_t, std::unique_ptr<ChainWriter>> writers_
      ABSL_GUARDED_BY(mutex_);
  std::set<uint32_t> free_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<SegmentFile>> files_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Head> heads_ ABSL_GUARDED_BY(mutex_);

  // Of Maintain alone.
  Mutex maintain_mutex_;
  std::map<std::string, uint64_t> told_ ABSL_GUARDED_BY(maintain_mutex_);
  absl::Duration last_told_ ABSL_GUARDED_BY(maintain_mutex_) =
      -absl::InfiniteDuration();

  Mutex housekeeping_mutex_;
  std::unique_ptr<Handle> housekeeping_ ABSL_GUARDED_BY(housekeeping_mutex_);

  std::mutex stop_mutex_;
  std::condition_variable stop_;
  bool is_stopping_ = false;
  std::thread thread_;
};

// A chain in use.
class FileJournal::Handle : public Chain {
 public:
  Handle(FileJournal& journal, ChainWriter& writer)
      : journal_(journal), writer_(writer) {}
  ~Handle() override {
    writer_.Forget();
    journal_.GiveBack(writer_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void Add(const Record& record) override { writer_.Add(record); }
  // `members` is what AppendMembers wrote (record_line.h).
  void AddMembers(std::string_view members) { writer_.AddMembers(members); }
  // A record that the log makes of itself.
  void AddOwn(std::string_view members) { writer_.AddOwn(members); }
  bool has_added() const override { return writer_.has_added(); }
  absl::Status Write() override { return writer_.Write(); }

 private:
  FileJournal& journal_;
  ChainWriter& writer_;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_FILE_JOURNAL_H_

// ChainWriter: one chain of records, and the segment that it is written to.

#ifndef PDP_AUDIT_CHAIN_WRITER_H_
#define PDP_AUDIT_CHAIN_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/audit/baton.h"
#include "pdp/audit/digest.h"
#include "pdp/audit/heads.h"
#include "pdp/audit/journal_options.h"
#include "pdp/audit/record.h"
#include "pdp/audit/record_line.h"
#include "pdp/audit/segment.h"
#include "pdp/audit/segment_file.h"

namespace pdp::audit {

// What comes before the segment that is to be started.
struct PreviousSegment {
  uint64_t number = 0;  // 0: nothing does.
  Position end;         // Its last record.
  uint64_t bytes = 0;   // Up to the end of that.
  // Why it was not closed: "killed", "missing", "write failed", "sync failed".
  std::string left;
  // What follows its last record in the file.
  uint64_t torn_bytes = 0;
  Hash torn{};
  // A record that was told of and is not there.
  std::optional<uint64_t> lost_to;
};

// The names under which a chain is written.
struct ChainNames {
  std::string log;       // Of all chains of a directory.
  std::string instance;  // Of this run of the server.
  uint32_t chain = 0;
};

// Add, has_added, Write and Forget are for one thread at a time, the writer;
// the others may be called beside it.
class ChainWriter {
 public:
  using OnOpen = std::function<void(std::shared_ptr<SegmentFile>)>;

  // `on_open` is told of each file, which is then to be synced from time to
  // time.  `options` and `counters` must outlive the writer.
  ChainWriter(const JournalOptions& options, ChainNames names,
              PreviousSegment previous, JournalCounters& counters,
              OnOpen on_open);
  ~ChainWriter();

  // As Chain's (journal.h).  Records of one write share lines (record_line.h).
  void Add(const Record& record);
  // `members` is what AppendMembers wrote of a record, which has a line of its
  // own.
  void AddMembers(std::string_view members);
  // The same of a record that the log makes of itself, and does not count.
  void AddOwn(std::string_view members);
  bool has_added() const { return has_begun_; }
  absl::Status Write();
  // What was added is not written.
  void Forget();

  // Starts a segment, where there is none.
  absl::Status Start();
  // Writes what is due by time: a checkpoint, another segment.  The head, or
  // nothing where the writer is at work, or there was never a record.
  std::optional<Head> Maintain();
  // Closes the segment.  The next record starts another.
  void Close();

  // This segment, and those after it, are written to, or are about to be; 0:
  // none.
  uint64_t open_segment() const { return open_segment_; }
  uint32_t chain() const { return names_.chain; }

 private:
  enum class When : uint8_t { kAfterRecords, kAfterTime };

  void Begin();
  void End();
  absl::Status EnsureSegment();
  absl::Status MakeSpare();
  void RemoveSpare();
  void BeginLine();
  void EndLine();
  // Ends the line that further records could have joined.
  void EndRecords();
  void AddHeader();
  void AddCheckpoint(std::string_view kind, std::string_view reason);
  absl::Status Append();
  void Undo();
  void Leave(std::string_view why);
  void Retire();
  bool IsRotationDue() const;
  bool IsCheckpointDue(When when) const;
  void Rotate();

  const JournalOptions& options_;
  const ChainNames names_;
  const std::string id_;
  JournalCounters& counters_;
  const OnOpen on_open_;

  // All that follows belongs to whoever has the baton.
  Baton baton_;
  std::shared_ptr<SegmentFile> file_;
  std::shared_ptr<SegmentFile> spare_;  // The next file, still empty.
  absl::Time spare_start_;
  uint64_t number_ = 0;  // Of file_.
  PreviousSegment previous_;
  absl::Duration opened_;  // Since boot.
  absl::Duration last_checkpoint_;
  uint64_t records_in_segment_ = 0;
  uint64_t records_since_checkpoint_ = 0;

  Digest digest_;
  Position written_;
  Position added_;  // With what is in the buffer.
  std::string buffer_;
  size_t line_begin_ = 0;        // In the buffer.
  RecordLine records_{buffer_};  // Of the line that begins there.
  uint64_t added_records_ = 0;
  uint64_t added_own_ = 0;  // Of these, those that are not counted.
  absl::Status begin_status_;

  bool has_begun_ = false;  // The writer's.
  std::atomic<uint64_t> open_segment_ = 0;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_CHAIN_WRITER_H_

// BestEffortJournal: a journal that never keeps an answer waiting.  Records
// wait in memory for a thread that writes them; where they come faster than
// they can be written, or cannot be written at all, they are dropped, counted,
// and the log says how many.

#ifndef PDP_AUDIT_BEST_EFFORT_JOURNAL_H_
#define PDP_AUDIT_BEST_EFFORT_JOURNAL_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pdp/audit/file_journal.h"
#include "pdp/audit/journal.h"

namespace pdp::audit {

// Thread-safe.
class BestEffortJournal : public Journal {
 public:
  static constexpr size_t kDefaultBytes = size_t{16} << 20;

  // At most `max_bytes` of records wait.  `journal` must outlive it.
  explicit BestEffortJournal(FileJournal& journal,
                             size_t max_bytes = kDefaultBytes);
  // Writes what waits, as far as it can be written.
  ~BestEffortJournal() override;

  // Its Write is always OK.
  std::unique_ptr<Chain> NewChain() override;

  // Waits until nothing waits to be written.
  void Flush();

  uint64_t queued_bytes() const;

 private:
  class QueueingChain;

  void Offer(std::vector<std::string>& records);
  void Run();
  void WriteBatch(std::vector<std::string> batch);

  FileJournal& journal_;
  const size_t max_bytes_;
  const std::unique_ptr<FileJournal::Handle> handle_;  // The thread's.
  uint64_t told_dropped_ = 0;                          // The thread's.

  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable changed_;
  std::vector<std::string> queue_;
  size_t bytes_ = 0;
  bool is_writing_ = false;
  bool is_stopping_ = false;

  std::thread thread_;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_BEST_EFFORT_JOURNAL_H_

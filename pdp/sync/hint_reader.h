// HintReader: reads again what a hint names, and applies what is found.
//
// Thread-safe; several threads may run Handle.

#ifndef PDP_SYNC_HINT_READER_H_
#define PDP_SYNC_HINT_READER_H_

#include <functional>

#include "absl/status/status.h"
#include "pdp/sync/feed_reads.h"
#include "pdp/sync/hint_queue.h"

namespace pdp::sync {

class HintReader {
 public:
  // `sweep_now` is called where only a sweep can tell what is wrong.  The
  // references must outlive this.
  HintReader(FeedReads& reads, HintQueue& queue,
             std::function<void()> sweep_now)
      : reads_(reads), queue_(queue), sweep_now_(std::move(sweep_now)) {}

  // Answers who waits for it.
  void Handle(Hint hint);

  // Answers who waits for `hint` that it was not read.
  static void Refuse(const Hint& hint, const absl::Status& why);

 private:
  absl::Status Read(const Hint& hint);

  FeedReads& reads_;
  HintQueue& queue_;
  const std::function<void()> sweep_now_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_HINT_READER_H_

// Bootstrap: the first load of a feed.
//
// Each page and the cursors behind it are one change of the store, so that a
// process that is killed goes on where it was.  What changes during the load is
// found by the sweep that must follow, from the moment at which it began.

#ifndef PDP_SYNC_BOOTSTRAP_H_
#define PDP_SYNC_BOOTSTRAP_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/sync/feed_position.h"
#include "pdp/sync/feed_reads.h"

namespace pdp::sync {

// Confined to one thread.
class Bootstrap {
 public:
  // Called after each page: how many resources were loaded so far.
  using Progress = std::function<void(std::string_view type, uint64_t loaded)>;

  // The arguments must outlive this.
  Bootstrap(FeedReads& reads, const FeedCursors& cursors, Progress progress)
      : reads_(reads), cursors_(cursors), progress_(std::move(progress)) {}

  // Whether the store holds the whole of a first load.
  absl::StatusOr<bool> IsComplete() const;

  // To be called before anything else of the feed is applied, where it is not.
  // What is left of a feed that was there before is taken over, but nothing is
  // known of what happened to it since: a full sweep must follow.
  absl::Status LookAtHeld();

  // Loads what is missing of it.  `server_time` is the server's now.
  absl::Status Run(absl::Time server_time);

 private:
  absl::Status Load(const FeedSearch& search);

  FeedReads& reads_;
  const FeedCursors& cursors_;
  const Progress progress_;
  bool holds_anything_ = false;
  uint64_t loaded_ = 0;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_BOOTSTRAP_H_

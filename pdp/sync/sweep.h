// Sweep: finds what changed since the last one, by searches.
//
// It asks for what was updated or deleted since the server's clock at the start
// of the last sweep, and a while before that: a transaction may commit later
// than the time that it stamps on what it writes, and a server may have several
// clocks.  Where the server's clock was set back, the sweep reaches back by as
// much.

#ifndef PDP_SYNC_SWEEP_H_
#define PDP_SYNC_SWEEP_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/sync/feed_position.h"
#include "pdp/sync/feed_reads.h"

namespace pdp::sync {

// A moment as both clocks had it.
struct Moment {
  absl::Duration since_boot;  // Ours.
  absl::Time server_time = absl::InfinitePast();
};

// Confined to one thread.
class Sweep {
 public:
  // The arguments must outlive this.
  Sweep(FeedReads& reads, const FeedCursors& cursors, absl::Duration overlap)
      : reads_(reads), cursors_(cursors), overlap_(overlap) {}

  // Learns all that changed before `began`, a moment before this call.
  // REQUIRES: the first load is complete.
  absl::Status Run(const Moment& began);

  // Whether searches by time are not enough now, since the server's clock was
  // set back by more than the overlap.
  bool needs_full_sweep() const { return needs_full_sweep_; }

  // How far before the sweep before it the last one looked.
  absl::Duration reach() const { return reach_; }

  // A full sweep that began at `began` is complete.
  absl::Status FullSweepIsComplete(const Moment& began);

 private:
  // Applies all that was updated, or deleted, at `since` or later.
  absl::Status ApplyListed(const FeedSearch& search, absl::Time since);
  // How far the server's clock is behind where it must be by now.
  absl::Duration Behind(const Moment& now) const;

  FeedReads& reads_;
  const FeedCursors& cursors_;
  const absl::Duration overlap_;
  std::optional<Moment> last_;  // Of the last sweep of this process.
  absl::Duration behind_ = absl::ZeroDuration();  // The most since then.
  absl::Duration reach_ = absl::ZeroDuration();
  bool knows_elsewhere_ = false;
  bool needs_full_sweep_ = false;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_SWEEP_H_

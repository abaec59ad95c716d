// FeedRounds: brings a feed up to date, again and again.
//
// A round looks whether the login may do what it must, whether the project is
// still there, loads what was never loaded, and sweeps.  Only a round that is
// complete confirms the feed's freshness, for the moment at which it began.
//
// What ends freshness at once (feed_freshness.h), and not by age:
//
//   kCredentialsRefused  the server refuses the login
//   kProjectGone         the project is deleted or expunged, looked at twice
//   kAccessMissing       the login is of another project, or may not read what
//                        a decision depends on
//
// The next complete round ends each of these.

#ifndef PDP_SYNC_FEED_ROUNDS_H_
#define PDP_SYNC_FEED_ROUNDS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/sync/bootstrap.h"
#include "pdp/sync/feed_attributes.h"
#include "pdp/sync/feed_position.h"
#include "pdp/sync/feed_reads.h"
#include "pdp/sync/full_sweep.h"
#include "pdp/sync/sweep.h"

namespace pdp::sync {

struct SweepSettings {
  absl::Duration interval = absl::Seconds(15);
  absl::Duration full_interval = absl::Minutes(5);
  absl::Duration overlap = absl::Seconds(30);
};

// Confined to one thread.
class FeedRounds {
 public:
  struct Options {
    SweepSettings sweep;
    const Clock* clock = nullptr;
    FeedFreshness* freshness = nullptr;
    // How its changes are notified, if at all.
    bool web_socket = false;
    bool rest_hook = false;
    // Called whenever a login was found to be able to do what it must; with
    // what keeps it from being notified, in sentences, if anything does.
    std::function<void(const std::vector<std::string>& missing)> logged_in;
    // Called with what the server says its version is.
    std::function<void(std::string_view version)> server_version;
    Bootstrap::Progress progress;
    // Follows what is read of types that are not mirrored; may be null.
    FeedAttributes* attributes = nullptr;
  };

  // `reads`, `cursors` and what `options` points to must outlive this.
  FeedRounds(FeedReads& reads, const FeedCursors& cursors, Options options);

  // Whether the store holds a complete first load.
  absl::StatusOr<bool> IsLoaded() const { return bootstrap_.IsComplete(); }

  // One round.  Where it is OK, freshness was confirmed.
  absl::Status Run();

  // Begins a full sweep with the next step.
  // REQUIRES: none is under way.
  void AskForFullSweep() { full_sweep_at_ = -absl::InfiniteDuration(); }
  bool is_in_full_sweep() const { return full_sweep_.has_value(); }

  // Whether a full sweep is due or under way.
  bool HasStep() const;

  // One step of the full sweep; true where that completed it.
  // REQUIRES: HasStep(), and a round was OK.
  absl::StatusOr<bool> Step();

  // How the last full sweep ended.
  const absl::Status& full_sweep_status() const { return full_sweep_status_; }
  // Live resources that are held, as last counted.
  uint64_t resources() const { return resources_; }
  // The places of the budget that a sweep takes.
  uint64_t sweep_cost() const { return sweep_cost_; }
  // How far the server's clock was ahead when it was last asked.
  std::optional<absl::Duration> server_clock_ahead() const {
    return server_clock_ahead_;
  }

 private:
  bool IsConfirmed() const {
    return confirmed_at_ != -absl::InfiniteDuration();
  }
  absl::Status Attempt();
  absl::Status CheckLogin();
  absl::Status SweepAttributes();
  // Reads the project of the login, and the server's clock with it.
  absl::Status LookAtProject();
  absl::Status LookAgain(const fhir::ResourceKey& project);
  // Where nothing was confirmed for long, what is gone for good since must be
  // found before anything is.
  absl::Status RunFullSweepBefore();
  // Whether expunged resources may be held for longer than they ever should.
  bool IsOverdue(const FeedPosition& position) const;
  void CountHeld();
  void BeginFullSweep();
  absl::Status CompleteFullSweep();
  // `status`, which is of that state.
  absl::Status Refused(FeedState why, absl::Status status);

  FeedReads& reads_;
  const FeedCursors& cursors_;
  const Options options_;
  Bootstrap bootstrap_;
  Sweep sweep_;

  Moment began_;
  std::string login_project_;  // Empty: not checked since it last failed.
  std::optional<FeedState> refused_;
  absl::Duration confirmed_at_ = -absl::InfiniteDuration();
  uint64_t sweep_cost_ = 0;
  std::optional<absl::Duration> server_clock_ahead_;

  std::optional<FullSweep> full_sweep_;
  absl::Duration full_sweep_at_ = absl::ZeroDuration();
  absl::Duration full_sweep_ok_at_ = absl::ZeroDuration();
  absl::Status full_sweep_status_;
  uint64_t resources_ = 0;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FEED_ROUNDS_H_

// ProjectFeed: keeps the resources of one project, or of all that have no feed
// of their own, in step with a Medplum server.
//
// Thread-safe.  One thread makes rounds (feed_rounds.h); others read again what
// notifications name.  Nothing of it is shared with other feeds but the mirror
// and the budget of searches, so that one project's trouble is its own.

#ifndef PDP_SYNC_PROJECT_FEED_H_
#define PDP_SYNC_PROJECT_FEED_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/base/mutex.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/notification.h"
#include "pdp/sync/attribute_cache.h"
#include "pdp/sync/feed_attributes.h"
#include "pdp/sync/feed_position.h"
#include "pdp/sync/feed_reads.h"
#include "pdp/sync/feed_rounds.h"
#include "pdp/sync/hint_queue.h"
#include "pdp/sync/hint_reader.h"
#include "pdp/sync/mirror.h"
#include "pdp/sync/search_budget.h"
#include "pdp/sync/source.h"
#include "store/store.h"

namespace pdp::sync {

// Starts notifications.  They end, and nothing of the sink is called any more,
// once what is returned is destroyed.
using StartNotifications =
    std::function<std::shared_ptr<void>(medplum::NotificationSink sink)>;

class ProjectFeed {
 public:
  struct Options {
    std::string source;   // The name of the source.
    std::string project;  // Empty: every project that has no feed of its own.
    medplum::Api* api = nullptr;  // Of this feed alone.
    FeedFreshness* freshness = nullptr;
    StartNotifications start_notifications;  // Empty: sweeps alone.
    bool web_socket = false;                 // How notifications come.
    SweepSettings sweep;
    size_t max_hints = 10'000;
    int readers = 2;  // Threads that read what hints name.
    const store::Store* store = nullptr;
    Mirror* mirror = nullptr;
    SearchBudget* budget = nullptr;
    // Where what decisions read by reference is kept; null: nowhere.
    AttributeCache* attributes = nullptr;
    AttributeCache::FeedId attribute_feed = 0;
    SearchBudget* attribute_budget = nullptr;
    const Clock* clock = nullptr;
    // Called with what the server says its version is.
    std::function<void(std::string_view version)> server_version;
  };

  explicit ProjectFeed(Options options);
  ~ProjectFeed();
  ProjectFeed(const ProjectFeed&) = delete;
  ProjectFeed& operator=(const ProjectFeed&) = delete;

  const std::string& project() const { return options_.project; }

  void Start();
  // Returns once all threads have ended; who waits was answered.
  void Stop();

  // Null where nothing is read by reference.
  FeedAttributes* attributes() { return attributes_.get(); }

  // As Source has it, each called from a thread of the feed.
  void Reread(const fhir::ResourceKey& key, Source::Done done);
  void Refresh(Source::Done done);
  // A full sweep.
  void Resync(Source::Done done);

  FeedStatus Status() const;

  // Whether all was learned that can be for now: the feed was confirmed; or was
  // refused for a reason; or the server is away and a whole state is held.
  bool ready() const { return ready_; }
  // Rounds that were complete.
  uint64_t rounds() const { return rounds_done_; }

 private:
  void MakeRounds();
  void ReadHints();
  void MakeRound();
  void RoundEnded(const absl::Status& status);
  absl::Duration TimeToNextRound(const absl::Status& status);
  // Steps of full sweeps, where `may_step`, and waiting until `time` has passed
  // since the last round began.
  void AwaitNextRound(absl::Duration time, bool may_step);
  void StepFullSweep();
  absl::Status Wait(absl::Duration time);
  void SweepNow();
  void LoggedIn(const std::vector<std::string>& missing);
  void Loaded(std::string_view type, uint64_t loaded);
  medplum::NotificationSink Sink();
  static void Answer(std::vector<Source::Done> waiting,
                     const absl::Status& status);

  const Options options_;
  FeedReads reads_;
  const FeedCursors cursors_;
  HintQueue hints_;
  HintReader hint_reader_;
  const std::unique_ptr<FeedAttributes> attributes_;
  FeedRounds rounds_;  // Of the thread that makes rounds.
  absl::BitGen random_;
  int failures_in_a_row_ = 0;
  absl::Duration progress_logged_at_ = -absl::InfiniteDuration();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool sweep_now_ = false;
  std::vector<Source::Done> refreshing_;
  std::vector<Source::Done> resyncing_;

  mutable Mutex status_mutex_;
  FeedStatus status_ ABSL_GUARDED_BY(status_mutex_);
  // Of the last round that failed, and of the last full sweep.
  std::string round_message_ ABSL_GUARDED_BY(status_mutex_);
  std::string full_sweep_message_ ABSL_GUARDED_BY(status_mutex_);
  // Of what the login lacks to be notified.
  std::string notify_message_ ABSL_GUARDED_BY(status_mutex_);

  std::atomic<bool> ready_{false};
  std::atomic<uint64_t> rounds_done_{0};
  // Of the thread that makes rounds.
  std::vector<Source::Done> await_full_sweep_;  // That is next, or under way.
  std::shared_ptr<void> notifications_;
  std::vector<std::thread> threads_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_PROJECT_FEED_H_

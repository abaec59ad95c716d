#include "pdp/sync/project_feed.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "pdp/base/log.h"
#include "pdp/base/strings.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

constexpr absl::Duration kShortestRetry = absl::Milliseconds(100);
constexpr absl::Duration kFirstRetry = absl::Milliseconds(500);
constexpr int kMaxDoublings = 10;
constexpr absl::Duration kProgressInterval = absl::Seconds(5);

std::vector<Source::Done> TakeAll(std::vector<Source::Done>& from) {
  return std::exchange(from, {});
}

}  // namespace

ProjectFeed::ProjectFeed(Options options)
    : options_(std::move(options)),
      reads_({.project = options_.project,
              .api = options_.api,
              .mirror = options_.mirror,
              .budget = options_.budget,
              .wait = [this](absl::Duration time) { return Wait(time); }}),
      cursors_(*options_.store, options_.source, options_.project),
      hints_(options_.max_hints, *options_.clock),
      hint_reader_(reads_, hints_, [this] { SweepNow(); }),
      attributes_(options_.attributes == nullptr
                      ? nullptr
                      : std::make_unique<FeedAttributes>(
                            reads_,
                            FeedAttributes::Options{
                                .cache = options_.attributes,
                                .feed = options_.attribute_feed,
                                .budget = options_.attribute_budget})),
      rounds_(reads_, cursors_,
              {.sweep = options_.sweep,
               .clock = options_.clock,
               .freshness = options_.freshness,
               .web_socket = options_.start_notifications != nullptr &&
                             options_.web_socket,
               .rest_hook = options_.start_notifications != nullptr &&
                            !options_.web_socket,
               .logged_in =
                   [this](const std::vector<std::string>& missing) {
                     LoggedIn(missing);
                   },
               .server_version = options_.server_version,
               .progress = [this](std::string_view type,
                                  uint64_t loaded) { Loaded(type, loaded); },
               .attributes = attributes_.get()}) {
  MutexLock lock(status_mutex_);
  status_.project = options_.project;
  if (options_.start_notifications) {
    status_.notifications = NotificationState::kDisconnected;
    status_.notifications_message = "not connected yet";
  }
}

ProjectFeed::~ProjectFeed() { Stop(); }

void ProjectFeed::Start() {
  threads_.emplace_back([this] { MakeRounds(); });
  for (int i = 0; i < options_.readers; ++i) {
    threads_.emplace_back([this] { ReadHints(); });
  }
  if (attributes_ != nullptr) attributes_->Start();
}

void ProjectFeed::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  options_.api->Stop();
  const absl::Status stopped = absl::UnavailableError("the source has stopped");
  for (const Hint& hint : hints_.Stop()) HintReader::Refuse(hint, stopped);
  if (attributes_ != nullptr) attributes_->Stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  notifications_.reset();
  std::vector<Source::Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = TakeAll(refreshing_);
    std::move(resyncing_.begin(), resyncing_.end(),
              std::back_inserter(waiting));
    resyncing_.clear();
  }
  Answer(std::move(waiting), stopped);
  Answer(TakeAll(await_full_sweep_), stopped);
}

void ProjectFeed::Reread(const fhir::ResourceKey& key, Source::Done done) {
  if (attributes_ != nullptr) attributes_->Invalidate(key);
  Hint hint = {.key = key, .waiting = {std::move(done)}};
  if (hints_.Offer(std::move(hint))) return;
  HintReader::Refuse(
      hint, absl::UnavailableError("too much is waiting to be read again"));
}

void ProjectFeed::Refresh(Source::Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      refreshing_.push_back(std::move(done));
      sweep_now_ = true;
      changed_.notify_all();
      return;
    }
  }
  done(absl::UnavailableError("the source has stopped"));
}

void ProjectFeed::Resync(Source::Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      resyncing_.push_back(std::move(done));
      sweep_now_ = true;
      changed_.notify_all();
      return;
    }
  }
  done(absl::UnavailableError("the source has stopped"));
}

void ProjectFeed::MakeRounds() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    MakeRound();
  }
}

void ProjectFeed::MakeRound() {
  std::vector<Source::Done> refreshing;
  std::vector<Source::Done> resyncing;
  {
    const std::lock_guard lock(mutex_);
    sweep_now_ = false;
    refreshing = TakeAll(refreshing_);
    if (!rounds_.is_in_full_sweep()) resyncing = TakeAll(resyncing_);
  }
  const absl::Duration began = options_.clock->SinceBoot();
  const absl::Status status = rounds_.Run();
  if (status.ok()) {
    options_.budget->SetSweepCost(project(), rounds_.sweep_cost());
  }
  RoundEnded(status);
  Answer(std::move(refreshing), status);
  if (!status.ok()) {
    Answer(std::move(resyncing), status);
    Answer(TakeAll(await_full_sweep_), status);
  } else if (!resyncing.empty()) {
    rounds_.AskForFullSweep();
    await_full_sweep_ = std::move(resyncing);
  }
  // However many ask, a server in trouble is not asked more often.
  if (!status.ok() && !Wait(kShortestRetry).ok()) return;
  const absl::Duration took = options_.clock->SinceBoot() - began;
  AwaitNextRound(TimeToNextRound(status) - took, status.ok());
}

absl::Duration ProjectFeed::TimeToNextRound(const absl::Status& status) {
  const absl::Duration interval =
      options_.budget->SweepInterval(options_.sweep.interval);
  if (status.ok()) {
    failures_in_a_row_ = 0;
    return interval * absl::Uniform(random_, 0.9, 1.1);
  }
  failures_in_a_row_ = std::min(failures_in_a_row_ + 1, kMaxDoublings);
  const absl::Duration longest =
      std::min(interval, kFirstRetry * (1 << failures_in_a_row_));
  return longest * absl::Uniform(random_, 0.5, 1.0);
}

void ProjectFeed::RoundEnded(const absl::Status& status) {
  const absl::Time now = options_.clock->Now();
  bool ready = status.ok();
  bool changed = false;
  {
    MutexLock lock(status_mutex_);
    const FeedState before =
        std::exchange(status_.state, options_.freshness->state());
    const std::string message(ToStd(status.message()));
    changed = status_.state != before || round_message_ != message;
    if (status.ok()) {
      round_message_.clear();
      status_.last_sweep = now;
      ++status_.sweeps;
      status_.loaded = 0;
    } else if (!absl::IsCancelled(status)) {
      round_message_ = message;
      status_.last_failure = now;
      ++status_.failed_sweeps;
      ++status_.failures;
      ready = status_.state != FeedState::kLoading;
    }
    status_.resources = rounds_.resources();
    status_.server_clock_ahead = rounds_.server_clock_ahead();
  }
  if (status.ok()) {
    ++rounds_done_;
    if (changed) Log(Severity::kInfo, "feed_current", {{"project", project()}});
  } else if (absl::IsCancelled(status)) {
    return;
  } else if (changed) {
    Log(Severity::kError, "feed_failed",
        {{"project", project()},
         {"state", FeedStateName(options_.freshness->state())},
         {"error", ToStd(status.message())}});
  }
  if (!ready && !ready_) {
    // The server is away.  What is held is whole, though it may not be used
    // until its age is known.
    const absl::StatusOr<FeedPosition> position = cursors_.Get();
    ready = position.ok() && position->phase == FeedPosition::Phase::kSwept;
  }
  if (ready) ready_ = true;
}

void ProjectFeed::AwaitNextRound(absl::Duration time, bool may_step) {
  const absl::Duration until = options_.clock->SinceBoot() + time;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const absl::Duration left = until - options_.clock->SinceBoot();
      if (stopping_ || sweep_now_ || left <= absl::ZeroDuration()) return;
      if (!may_step || !rounds_.HasStep()) {
        // A full sweep becomes due in the meantime, or a clock is moved.
        changed_.wait_for(
            lock, absl::ToChronoNanoseconds(std::min(left, absl::Seconds(1))));
        continue;
      }
    }
    StepFullSweep();
  }
}

void ProjectFeed::StepFullSweep() {
  const absl::StatusOr<bool> complete = rounds_.Step();
  if (complete.ok() && !*complete) return;
  bool changed = false;
  {
    MutexLock lock(status_mutex_);
    const std::string message =
        complete.ok() ? ""
                      : StrCat("the full sweep failed: ",
                               ToStd(complete.status().message()));
    changed = std::exchange(full_sweep_message_, message) != message;
    if (complete.ok()) {
      status_.last_full_sweep = options_.clock->Now();
      ++status_.full_sweeps;
      status_.resources = rounds_.resources();
    } else if (!absl::IsCancelled(complete.status())) {
      status_.last_failure = options_.clock->Now();
      ++status_.failed_full_sweeps;
      ++status_.failures;
    }
  }
  if (changed && !absl::IsCancelled(complete.status())) {
    Log(complete.ok() ? Severity::kInfo : Severity::kError,
        complete.ok() ? "full_sweep_complete" : "full_sweep_failed",
        {{"project", project()},
         {"error", ToStd(complete.status().message())}});
  }
  // Who is answered sees it in the status.
  Answer(TakeAll(await_full_sweep_), complete.status());
  const std::lock_guard lock(mutex_);
  sweep_now_ |= !complete.ok() || !resyncing_.empty();
}

void ProjectFeed::ReadHints() {
  while (std::optional<Hint> hint = hints_.Take()) {
    hint_reader_.Handle(*std::move(hint));
  }
}

absl::Status ProjectFeed::Wait(absl::Duration time) {
  std::unique_lock lock(mutex_);
  const bool stopping = changed_.wait_for(lock, absl::ToChronoNanoseconds(time),
                                          [this] { return stopping_; });
  return stopping ? absl::CancelledError("the source has stopped")
                  : absl::OkStatus();
}

void ProjectFeed::SweepNow() {
  const std::lock_guard lock(mutex_);
  sweep_now_ = true;
  changed_.notify_all();
}

void ProjectFeed::LoggedIn(const std::vector<std::string>& missing) {
  const std::string message = absl::StrJoin(missing, "; ");
  {
    MutexLock lock(status_mutex_);
    if (std::exchange(notify_message_, message) == message) {
      if (notifications_ != nullptr) return;
    } else if (!message.empty()) {
      Log(Severity::kWarning, "notifications_incomplete",
          {{"project", project()}, {"error", message}});
    }
  }
  if (notifications_ == nullptr && options_.start_notifications) {
    notifications_ = options_.start_notifications(Sink());
  }
}

void ProjectFeed::Loaded(std::string_view type, uint64_t loaded) {
  {
    MutexLock lock(status_mutex_);
    status_.loaded = loaded;
  }
  std::vector<Source::Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = TakeAll(refreshing_);
  }
  Answer(std::move(waiting),
         absl::UnavailableError("the first load is under way"));
  const absl::Duration now = options_.clock->SinceBoot();
  if (now - progress_logged_at_ < kProgressInterval) return;
  progress_logged_at_ = now;
  Log(Severity::kInfo, "feed_loading",
      {{"project", project()}, {"type", type}, {"loaded", loaded}});
}

medplum::NotificationSink ProjectFeed::Sink() {
  return {
      .notify =
          [this](medplum::Notification notification) {
            {
              MutexLock lock(status_mutex_);
              ++status_.notifications_received;
              status_.last_notification = options_.clock->Now();
            }
            if (attributes_ != nullptr) {
              attributes_->Invalidate(notification.key);
            }
            if (FindMirroredType(notification.key.type) == nullptr) return;
            Hint hint = {.key = std::move(notification.key),
                         .deleted = notification.interaction ==
                                    medplum::Interaction::kDelete};
            if (!hints_.Offer(std::move(hint))) SweepNow();
          },
      .connected =
          [this] {
            {
              MutexLock lock(status_mutex_);
              status_.notifications = NotificationState::kConnected;
              status_.notifications_message.clear();
            }
            Log(Severity::kInfo, "notifications_connected",
                {{"project", options_.project}});
            SweepNow();
          },
      .disconnected =
          [this](const absl::Status& why) {
            std::string message(ToStd(why.message()));
            {
              MutexLock lock(status_mutex_);
              // One line for all attempts that end alike.
              if (status_.notifications == NotificationState::kDisconnected &&
                  status_.notifications_message == message) {
                return;
              }
              status_.notifications = NotificationState::kDisconnected;
              status_.notifications_message = message;
            }
            Log(Severity::kWarning, "notifications_disconnected",
                {{"project", options_.project}, {"error", message}});
          },
  };
}

FeedStatus ProjectFeed::Status() const {
  FeedStatus status;
  {
    MutexLock lock(status_mutex_);
    status = status_;
    status.message =
        !round_message_.empty() ? round_message_ : full_sweep_message_;
    if (!notify_message_.empty()) {
      status.notifications_message += StrCat(
          status.notifications_message.empty() ? "" : "; ", notify_message_);
    }
  }
  const absl::Duration age =
      options_.freshness->Age(options_.clock->SinceBoot());
  status.state = options_.freshness->state();
  status.bound = age;
  if (age != absl::InfiniteDuration()) {
    status.fresh_as_of = options_.clock->Now() - age;
  }
  status.sweep_interval =
      options_.budget->SweepInterval(options_.sweep.interval);
  status.changes_applied = reads_.changes_applied();
  return status;
}

void ProjectFeed::Answer(std::vector<Source::Done> waiting,
                         const absl::Status& status) {
  const absl::Status answer =
      status.ok() ? status : absl::UnavailableError(status.message());
  for (const Source::Done& done : waiting) done(answer);
}

}  // namespace pdp::sync

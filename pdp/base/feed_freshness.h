// FeedFreshness: how old what is known of a project may be, or why nothing of
// it can be decided.
//
// A feed keeps the data of one project, or of all, in step with its source.  It
// confirms that all that changed before a moment is known; the age is the time
// since then.  Who decides compares it with the bounds that are configured, and
// refuses past them.
//
// Moments are Clock::SinceBoot: a clock that is set back makes nothing fresh.

#ifndef PDP_BASE_FEED_FRESHNESS_H_
#define PDP_BASE_FEED_FRESHNESS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "pdp/base/strings.h"

namespace pdp {

enum class FeedState : uint8_t {
  // Nothing was confirmed since the start: the first load, or what changed
  // while the process was away, is not complete.
  kLoading,
  // Confirmed at least once; the age says how long ago.
  kCurrent,
  // The source refuses the credentials.
  kCredentialsRefused,
  // The source has no such project any more.
  kProjectGone,
  // The login may not read what a decision needs.
  kAccessMissing,
};

// `credentials_refused`.
std::string_view FeedStateName(FeedState state);

// Thread-safe.  Written by the feed, read by every decision.
class FeedFreshness {
 public:
  FeedFreshness() = default;
  FeedFreshness(const FeedFreshness&) = delete;
  FeedFreshness& operator=(const FeedFreshness&) = delete;

  // All that changed before `as_of` is known.  Never moves back.  Ends what
  // Refuse said.
  void Confirm(absl::Duration as_of);

  // Nothing that is known counts any more, until the next Confirm.
  // REQUIRES: why is neither kLoading nor kCurrent
  void Refuse(FeedState why);

  FeedState state() const;

  // -InfiniteDuration unless the state is kCurrent.
  absl::Duration as_of() const;

  // InfiniteDuration unless the state is kCurrent; never negative.
  absl::Duration Age(absl::Duration now) const;

 private:
  // Nanoseconds since boot where not negative, else -1 - state.
  std::atomic<int64_t> value_{-1};
};

// The feeds of one process.  Add is called before anything else; then
// thread-safe, without a lock.
class FreshnessTable {
 public:
  // The feed of the project with the id `project`; where that is empty, of
  // every project that has none of its own.  Lives as long as the table.
  // REQUIRES: no such feed was added.
  FeedFreshness& Add(std::string_view project);

  // The feed that `project` is kept by; null where there is none: then nothing
  // is known of it, whatever the store holds.
  const FeedFreshness* Find(std::string_view project) const;

  // The age of the oldest feed: InfiniteDuration where one is not current, or
  // there is none.
  absl::Duration OldestAge(absl::Duration now) const;

  // Whether there is no feed but that of all projects.
  bool IsOneOfAll() const {
    return feeds_.size() == 1 && feeds_.front().project.empty();
  }

  // Calls `visit` for each, in the order in which they were added.
  void ForEach(
      const std::function<void(std::string_view project,
                               const FeedFreshness& feed)>& visit) const;

 private:
  struct Feed {
    std::string project;
    FeedFreshness freshness;
  };

  std::deque<Feed> feeds_;
  StringMap<FeedFreshness*> by_project_;
};

}  // namespace pdp

#endif  // PDP_BASE_FEED_FRESHNESS_H_

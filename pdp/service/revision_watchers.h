// RevisionWatchers tells those who watch members when what these may do has
// changed.
//
// Members are found by what their access is made from.  A change that cannot be
// attributed, or a watch that does not keep up, becomes "all changed": a change
// is never left out.

#ifndef PDP_SERVICE_REVISION_WATCHERS_H_
#define PDP_SERVICE_REVISION_WATCHERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/service/worker.h"

namespace pdp::service {

// What changed for one watch since it was last asked.
struct WatchedChanges {
  uint64_t revision = 0;
  std::vector<std::string> members;  // `ProjectMembership/id`, each once.
  bool all = false;                  // Every one that is watched.
};

// Thread-safe.
class RevisionWatchers {
 public:
  struct Limits {
    size_t watches = 256;
    size_t members_of_watch = 1'000;
    size_t members = 20'000;  // Of all watches together.
    size_t changes_waiting = 256;
  };

  // One who watches; until it is destroyed.  Thread-safe.  It may outlive the
  // watchers.
  class Watch {
   public:
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // Nothing where nothing changed.
    std::optional<WatchedChanges> Take();

   private:
    friend class RevisionWatchers;
    struct Room;

    Watch(std::vector<std::string> members, std::function<void()> notify,
          std::shared_ptr<Room> room);

    bool watches_every_member() const { return members_.empty(); }
    void AddMember(uint64_t revision, std::string_view member);
    void AddAll(uint64_t revision);
    // Calls notify_, where something new can be taken.
    void Notify();

    const std::vector<std::string> members_;  // None: every member.
    const std::function<void()> notify_;
    const std::shared_ptr<Room> room_;
    Mutex mutex_;
    bool has_changes_ ABSL_GUARDED_BY(mutex_) = false;
    bool is_notified_ ABSL_GUARDED_BY(mutex_) = false;
    uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
    bool all_ ABSL_GUARDED_BY(mutex_) = false;
    StringSet changed_ ABSL_GUARDED_BY(mutex_);
  };

  // `lookup` must outlive the watchers.
  RevisionWatchers(const fhir::ResourceLookup& lookup, const Limits& limits);
  explicit RevisionWatchers(const fhir::ResourceLookup& lookup)
      : RevisionWatchers(lookup, Limits()) {}
  ~RevisionWatchers();

  // Watches `members`, or every member where there are none: all that changes
  // at a revision that is in force after Add has returned is told.  `notify` is
  // called, from a thread of the watchers, when there is something to take, and
  // not again before it was taken.
  //
  // InvalidArgument: too many members, or one that is no membership.
  // ResourceExhausted: too much is watched already.
  absl::StatusOr<std::shared_ptr<Watch>> Add(std::vector<std::string> members,
                                             std::function<void()> notify);

  // `changed` changed; `revision` is in force.  Not only what was read from the
  // source: what blocks a membership, a profile or a project changes it.
  void Changed(uint64_t revision, std::span<const fhir::ResourceKey> changed);

  // Something changed that is of no one member.
  void AllChanged(uint64_t revision);

 private:
  // Of the worker's thread alone, as is what it calls.
  struct Member {
    std::vector<fhir::ResourceKey> dependencies;
    bool is_known = false;  // Whether these are all.
    std::vector<std::weak_ptr<Watch>> watches;
  };

  // `taken_up` was taken_up_ when the watch was added.
  void Begin(const std::shared_ptr<Watch>& watch, uint64_t taken_up);
  void Tell(uint64_t revision, const std::vector<fhir::ResourceKey>& changed);
  void TellAll(uint64_t revision);
  void TellWhoWatchesAll(uint64_t revision,
                         const std::vector<fhir::ResourceKey>& changed);
  void FindDependencies(const std::string& name, Member& member);
  void ForgetDependencies(const std::string& name, Member& member);
  // Forgets watches that have ended.
  void Prune();
  std::vector<std::shared_ptr<Watch>> Living() const;
  void Offer(uint64_t revision, std::function<void()> task);
  void TakeUpLost();

  const fhir::ResourceLookup& lookup_;
  const Limits limits_;
  const std::shared_ptr<Watch::Room> room_;

  std::vector<std::weak_ptr<Watch>> watches_;
  StringMap<Member> members_;
  absl::flat_hash_map<fhir::ResourceKey, StringSet> dependents_;

  // The latest change that did not fit; the next task takes it up.
  std::atomic<uint64_t> lost_revision_{0};
  // How often that was done, and of the last time, the worker's alone, the
  // revision.
  std::atomic<uint64_t> taken_up_{0};
  uint64_t taken_up_revision_ = 0;
  // Last: its thread uses the others.
  Worker worker_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_REVISION_WATCHERS_H_

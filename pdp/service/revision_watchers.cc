#include "pdp/service/revision_watchers.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "pdp/policy/member_dependencies.h"

namespace pdp::service {
namespace {

using fhir::ResourceKey;

// A larger change is of nobody in particular.
constexpr size_t kMaxChangedAtOnce = 1'000;
// Members that one watch may leave untaken before all of them count as changed.
constexpr size_t kMaxUntaken = 1'000;

constexpr std::string_view kMembership = "ProjectMembership";

// What says what members may do and cannot be traced back to them.
bool IsOfManyMembers(const ResourceKey& key) {
  return key.type == "AccessPolicy" || key.type == "Project" ||
         key.type == "UserConfiguration";
}

}  // namespace

// How much is watched.
struct RevisionWatchers::Watch::Room {
  Mutex mutex;
  size_t watches ABSL_GUARDED_BY(mutex) = 0;
  size_t members ABSL_GUARDED_BY(mutex) = 0;
};

RevisionWatchers::Watch::Watch(std::vector<std::string> members,
                               std::function<void()> notify,
                               std::shared_ptr<Room> room)
    : members_(std::move(members)),
      notify_(std::move(notify)),
      room_(std::move(room)) {}

RevisionWatchers::Watch::~Watch() {
  MutexLock lock(room_->mutex);
  --room_->watches;
  room_->members -= members_.size();
}

std::optional<WatchedChanges> RevisionWatchers::Watch::Take() {
  MutexLock lock(mutex_);
  is_notified_ = false;
  if (!std::exchange(has_changes_, false)) return std::nullopt;
  WatchedChanges changes{.revision = revision_, .all = all_};
  if (!all_) changes.members.assign(changed_.begin(), changed_.end());
  std::sort(changes.members.begin(), changes.members.end());
  all_ = false;
  changed_.clear();
  return changes;
}

void RevisionWatchers::Watch::AddMember(uint64_t revision,
                                        std::string_view member) {
  MutexLock lock(mutex_);
  has_changes_ = true;
  revision_ = std::max(revision_, revision);
  if (all_) return;
  changed_.emplace(member);
  if (changed_.size() <= kMaxUntaken) return;
  all_ = true;
  changed_.clear();
}

void RevisionWatchers::Watch::AddAll(uint64_t revision) {
  MutexLock lock(mutex_);
  has_changes_ = true;
  revision_ = std::max(revision_, revision);
  all_ = true;
  changed_.clear();
}

void RevisionWatchers::Watch::Notify() {
  {
    MutexLock lock(mutex_);
    if (!has_changes_ || std::exchange(is_notified_, true)) return;
  }
  notify_();
}

RevisionWatchers::RevisionWatchers(const fhir::ResourceLookup& lookup,
                                   const Limits& limits)
    : lookup_(lookup),
      limits_(limits),
      room_(std::make_shared<Watch::Room>()),
      worker_(limits.changes_waiting) {}

RevisionWatchers::~RevisionWatchers() = default;

absl::StatusOr<std::shared_ptr<RevisionWatchers::Watch>> RevisionWatchers::Add(
    std::vector<std::string> members, std::function<void()> notify) {
  if (members.size() > limits_.members_of_watch) {
    return absl::InvalidArgumentError(
        StrCat("memberships: ", members.size(), " are named; at most ",
               limits_.members_of_watch, " are taken in one call"));
  }
  for (size_t i = 0; i < members.size(); ++i) {
    const auto key = ResourceKey::Parse(members[i]);
    if (key && key->type == kMembership) continue;
    return absl::InvalidArgumentError(StrCat(
        "memberships[", i, "]: not a membership; send `ProjectMembership/id`"));
  }
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  std::shared_ptr<Watch> watch;
  {
    MutexLock lock(room_->mutex);
    if (room_->watches >= limits_.watches ||
        room_->members + members.size() > limits_.members) {
      return absl::ResourceExhaustedError(
          "too much is watched at this server; name fewer memberships, or "
          "watch another server");
    }
    ++room_->watches;
    room_->members += members.size();
    watch.reset(new Watch(std::move(members), std::move(notify), room_));
  }
  const std::weak_ptr<Watch> weak = watch;
  if (!worker_.Offer([this, weak, taken_up = taken_up_.load()] {
        if (const auto begun = weak.lock()) Begin(begun, taken_up);
        // What did not fit relies on each task that waited, one of a watch that
        // has ended already included.
        TakeUpLost();
      })) {
    return absl::ResourceExhaustedError(
        "too many changes are being told; try again later");
  }
  return watch;
}

void RevisionWatchers::Changed(uint64_t revision,
                               std::span<const ResourceKey> changed) {
  {
    // Who comes after this sees the revision.
    MutexLock lock(room_->mutex);
    if (room_->watches == 0) return;
  }
  if (changed.size() > kMaxChangedAtOnce) {
    AllChanged(revision);
    return;
  }
  Offer(revision,
        [this, revision,
         keys = std::vector<ResourceKey>(changed.begin(), changed.end())] {
          Tell(revision, keys);
        });
}

void RevisionWatchers::AllChanged(uint64_t revision) {
  Offer(revision, [this, revision] { TellAll(revision); });
}

void RevisionWatchers::Offer(uint64_t revision, std::function<void()> task) {
  if (worker_.Offer([this, task = std::move(task)] {
        TakeUpLost();
        task();
      })) {
    return;
  }
  uint64_t lost = lost_revision_.load();
  while (lost < revision &&
         !lost_revision_.compare_exchange_weak(lost, revision)) {
  }
  // Where there is still no room, what waits has yet to begin.
  worker_.Offer([this] { TakeUpLost(); });
}

void RevisionWatchers::TakeUpLost() {
  const uint64_t revision = lost_revision_.exchange(0);
  if (revision == 0) return;
  taken_up_revision_ = revision;
  ++taken_up_;
  TellAll(revision);
}

void RevisionWatchers::Begin(const std::shared_ptr<Watch>& watch,
                             uint64_t taken_up) {
  Prune();
  watches_.push_back(watch);
  for (const std::string& name : watch->members_) {
    Member& member = members_[name];
    if (member.watches.empty()) FindDependencies(name, member);
    member.watches.push_back(watch);
  }
  // What did not fit while the watch waited may have been told without it.
  if (taken_up_ == taken_up) return;
  watch->AddAll(taken_up_revision_);
  watch->Notify();
}

void RevisionWatchers::Tell(uint64_t revision,
                            const std::vector<ResourceKey>& changed) {
  Prune();
  StringSet affected;
  for (const ResourceKey& key : changed) {
    const auto found = dependents_.find(key);
    if (found == dependents_.end()) continue;
    affected.insert(found->second.begin(), found->second.end());
  }
  for (auto& [name, member] : members_) {
    if (!member.is_known) affected.insert(name);
  }
  for (const std::string& name : affected) {
    Member& member = members_[name];
    ForgetDependencies(name, member);
    FindDependencies(name, member);
    for (const std::weak_ptr<Watch>& weak : member.watches) {
      if (const auto watch = weak.lock()) watch->AddMember(revision, name);
    }
  }
  TellWhoWatchesAll(revision, changed);
  for (const auto& watch : Living()) watch->Notify();
}

void RevisionWatchers::TellAll(uint64_t revision) {
  Prune();
  for (auto& [name, member] : members_) {
    ForgetDependencies(name, member);
    FindDependencies(name, member);
  }
  for (const auto& watch : Living()) {
    watch->AddAll(revision);
    watch->Notify();
  }
}

void RevisionWatchers::TellWhoWatchesAll(
    uint64_t revision, const std::vector<ResourceKey>& changed) {
  std::vector<std::shared_ptr<Watch>> watches = Living();
  std::erase_if(watches, [](const std::shared_ptr<Watch>& watch) {
    return !watch->watches_every_member();
  });
  if (watches.empty()) return;
  StringSet names;
  bool all = false;
  for (const ResourceKey& key : changed) {
    if (key.type == kMembership) {
      names.insert(key.ToString());
      continue;
    }
    all = all || IsOfManyMembers(key) ||
          lookup_.FindMemberships(key.ToString(),
                                  [&](const fhir::ResourcePtr& membership) {
                                    names.insert(membership->key().ToString());
                                  }) != fhir::LookupState::kFound;
    if (all) break;
  }
  for (const auto& watch : watches) {
    if (all) {
      watch->AddAll(revision);
    } else {
      for (const std::string& name : names) watch->AddMember(revision, name);
    }
  }
}

void RevisionWatchers::FindDependencies(const std::string& name,
                                        Member& member) {
  auto dependencies = policy::MemberDependencies(name, lookup_);
  member.is_known = dependencies.has_value();
  if (!dependencies) return;
  member.dependencies = *std::move(dependencies);
  for (const ResourceKey& key : member.dependencies) {
    dependents_[key].insert(name);
  }
}

void RevisionWatchers::ForgetDependencies(const std::string& name,
                                          Member& member) {
  for (const ResourceKey& key : member.dependencies) {
    const auto found = dependents_.find(key);
    if (found == dependents_.end()) continue;
    found->second.erase(name);
    if (found->second.empty()) dependents_.erase(found);
  }
  member.dependencies.clear();
}

void RevisionWatchers::Prune() {
  const auto has_ended = [](const std::weak_ptr<Watch>& watch) {
    return watch.expired();
  };
  if (std::erase_if(watches_, has_ended) == 0) return;
  for (auto i = members_.begin(); i != members_.end();) {
    const auto current = i++;
    Member& member = current->second;
    std::erase_if(member.watches, has_ended);
    if (!member.watches.empty()) continue;
    ForgetDependencies(current->first, member);
    members_.erase(current);
  }
}

std::vector<std::shared_ptr<RevisionWatchers::Watch>> RevisionWatchers::Living()
    const {
  std::vector<std::shared_ptr<Watch>> living;
  for (const std::weak_ptr<Watch>& weak : watches_) {
    if (auto watch = weak.lock()) living.push_back(std::move(watch));
  }
  return living;
}

}  // namespace pdp::service

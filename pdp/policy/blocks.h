// Blocks: who is denied by this server, whatever Medplum says.
//
// A block names a membership, a profile or user, a project or a tenant, and
// ends by itself.  Blocks only deny: what is decided under any set of them is
// what is decided without, or a denial with reason BLOCKED (blocks_test.cc).
//
// A block ends when the time of day has passed `until` and as much time has
// gone by since it was made, or was read after a start, as was left then.  So
// neither setting the clock back nor a jump ahead ends it early, but for a jump
// while the server is down.

#ifndef PDP_POLICY_BLOCKS_H_
#define PDP_POLICY_BLOCKS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/request.h"

namespace pdp::policy {

struct SubjectAccess;

struct Block {
  std::string target;  // `Type/id`.
  absl::Time since;
  absl::Time until;
  std::string reason;
  // On Clock::SinceBoot().
  absl::Duration deadline = absl::InfiniteDuration();
};

bool IsInForce(const Block& block, const Clock& clock);

// Immutable.
class BlockSet {
 public:
  // One block a target.  `clock` must outlive the set.
  BlockSet(std::vector<Block> blocks, const Clock& clock);

  // By what the request names itself: subject, project, on whose behalf, active
  // tenants.  Needs nothing to be known of any of them.
  std::optional<Denial> CheckNames(const Subject& subject,
                                   const RequestContext& context) const;

  // By what is known of the subject: membership, profile, user, project, those
  // of whoever acts on another's behalf too; and, where no tenant is active,
  // the subject's own tenants.
  std::optional<Denial> CheckAccess(const SubjectAccess& access,
                                    const RequestContext& context) const;

  // The block of `target` that is in force; null where there is none.
  const Block* Find(std::string_view target) const;

  // All of them, ended ones too, ordered by target.
  std::vector<Block> List() const;
  size_t size() const { return blocks_.size(); }
  size_t in_force() const;

 private:
  // As Find, of what a resource holds: versioned or absolute references too.
  const Block* FindReference(std::string_view reference) const;

  StringMap<Block> blocks_;
  const Clock& clock_;
};

// The set that decisions are made under.  Thread-safe.
class PublishedBlocks {
 public:
  PublishedBlocks() = default;
  PublishedBlocks(const PublishedBlocks&) = delete;
  PublishedBlocks& operator=(const PublishedBlocks&) = delete;

  // `set` may be null: no blocks.
  void Publish(std::shared_ptr<const BlockSet> set);

  // The set, or null where there are no blocks.  One atomic load where nothing
  // was published since the calling thread last asked.  Lives until the thread
  // asks again.
  const BlockSet* Get() const;

  // The set that was published last; may be null.
  std::shared_ptr<const BlockSet> Share() const;

 private:
  // 0: none.  Else a number that no other set of this process ever has.
  std::atomic<uint64_t> serial_{0};
  mutable Mutex mutex_;
  std::shared_ptr<const BlockSet> set_ ABSL_GUARDED_BY(mutex_);
};

inline constexpr size_t kMaxBlocks = 10'000;

// Who sets and ends blocks, as the service sees it.  Thread-safe.  A change is
// in force and durable when the call returns.
class BlockKeeper {
 public:
  virtual ~BlockKeeper() = default;

  // Takes the place of a block of the same target.  `since` and `deadline` are
  // set.  ResourceExhausted: there are kMaxBlocks.
  virtual absl::StatusOr<Block> Set(Block block) = 0;

  // NotFound: `target` has no block in force.
  virtual absl::Status End(std::string_view target) = 0;

  // Those in force, ordered by target.
  virtual std::vector<Block> InForce() const = 0;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_BLOCKS_H_

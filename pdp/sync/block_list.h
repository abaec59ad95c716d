// BlockList keeps the blocks of a store, and tells whoever decides.
//
// Thread-safe.  A change is in force before it is durable, and durable before
// it is acknowledged: a block that was acknowledged denies, also after kill -9.
// Where the store refuses it, it is taken back.

#ifndef PDP_SYNC_BLOCK_LIST_H_
#define PDP_SYNC_BLOCK_LIST_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/policy/blocks.h"
#include "store/store.h"

namespace pdp::sync {

class BlockList final : public policy::BlockKeeper {
 public:
  struct Options {
    // Called with each set that is to be decided under, also with the first.
    std::function<void(std::shared_ptr<const policy::BlockSet>)> publish;
    // Called once a change is durable, with the revision that it made and its
    // targets.  May be empty.
    std::function<void(uint64_t revision,
                       const std::vector<std::string>& targets)>
        changed;
    const Clock* clock = &Clock::Real();
  };

  // Reads and publishes what `store` has.  DataLoss where some of it cannot be
  // read: nothing may be decided then.  `store` must outlive the list.
  static absl::StatusOr<std::unique_ptr<BlockList>> Open(store::Store& store,
                                                         Options options);

  absl::StatusOr<policy::Block> Set(policy::Block block) override;
  absl::Status End(std::string_view target) override;
  std::vector<policy::Block> InForce() const override;

  // Forgets those that have ended.  To be called now and then.
  absl::Status RemoveEnded();

 private:
  using Blocks = std::map<std::string, policy::Block, std::less<>>;

  BlockList(store::Store& store, Options options)
      : store_(store), options_(std::move(options)) {}

  bool IsInForce(const policy::Block& block) const;
  void Publish(const Blocks& blocks) const;
  std::shared_ptr<const Blocks> Current() const;
  void Replace(Blocks blocks);

  // Makes `next` what is in force and kept.  `put` is one of it; may be null.
  absl::Status Change(Blocks next, const policy::Block* put)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);

  store::Store& store_;
  const Options options_;
  Mutex change_mutex_;   // Held for all of one change: it waits for the store.
  mutable Mutex mutex_;  // Held for a moment.
  std::shared_ptr<const Blocks> blocks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_BLOCK_LIST_H_

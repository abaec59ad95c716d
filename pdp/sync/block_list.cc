#include "pdp/sync/block_list.h"

#include <algorithm>
#include <utility>

#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::sync {
namespace {

// As the store keeps it.
absl::Time ToMicros(absl::Time time) {
  return absl::FromUnixMicros(absl::ToUnixMicros(time));
}

// The store refuses what is not one.
fhir::ResourceKey KeyOf(std::string_view target) {
  const size_t slash = std::min(target.find('/'), target.size());
  return {std::string(target.substr(0, slash)),
          std::string(target.substr(std::min(slash + 1, target.size())))};
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlockList>> BlockList::Open(store::Store& store,
                                                           Options options) {
  PDP_ASSIGN_OR_RETURN(const std::vector<store::Block> stored, store.Blocks());
  const absl::Time now = options.clock->Now();
  const absl::Duration since_boot = options.clock->SinceBoot();
  std::unique_ptr<BlockList> list(new BlockList(store, std::move(options)));
  Blocks blocks;
  for (const store::Block& block : stored) {
    std::string target = block.target.ToString();
    blocks[target] = {.target = target,
                      .since = block.since,
                      .until = block.until,
                      .reason = block.reason,
                      .deadline = since_boot + (block.until - now)};
  }
  list->Publish(blocks);
  list->Replace(std::move(blocks));
  return list;
}

absl::StatusOr<policy::Block> BlockList::Set(policy::Block block) {
  MutexLock lock(change_mutex_);
  const absl::Time now = options_.clock->Now();
  block.since = ToMicros(now);
  block.until = ToMicros(block.until);
  block.deadline = options_.clock->SinceBoot() + (block.until - now);
  Blocks next = *Current();
  std::erase_if(next, [&](const auto& b) { return !IsInForce(b.second); });
  next.insert_or_assign(block.target, block);
  if (next.size() > policy::kMaxBlocks) {
    return absl::ResourceExhaustedError(
        StrCat("there are ", policy::kMaxBlocks,
               " blocks; end some, or block their project or tenant"));
  }
  PDP_RETURN_IF_ERROR(Change(std::move(next), &block));
  Log(Severity::kWarning, "block_set",
      {{"target", block.target},
       {"until",
        absl::FormatTime(absl::RFC3339_sec, block.until, absl::UTCTimeZone())},
       {"reason", block.reason}});
  return block;
}

absl::Status BlockList::End(std::string_view target) {
  MutexLock lock(change_mutex_);
  Blocks next = *Current();
  const auto found = next.find(target);
  if (found == next.end() || !IsInForce(found->second)) {
    return absl::NotFoundError(StrCat("`", target, "` is not blocked"));
  }
  next.erase(found);
  PDP_RETURN_IF_ERROR(Change(std::move(next), /*put=*/nullptr));
  Log(Severity::kWarning, "block_removed", {{"target", std::string(target)}});
  return absl::OkStatus();
}

std::vector<policy::Block> BlockList::InForce() const {
  const std::shared_ptr<const Blocks> current = Current();
  std::vector<policy::Block> blocks;
  for (const auto& [target, block] : *current) {
    if (IsInForce(block)) blocks.push_back(block);
  }
  return blocks;
}

absl::Status BlockList::RemoveEnded() {
  MutexLock lock(change_mutex_);
  const std::shared_ptr<const Blocks> current = Current();
  Blocks next;
  std::vector<std::string> ended;
  for (const auto& [target, block] : *current) {
    if (IsInForce(block)) {
      next.emplace(target, block);
    } else {
      ended.push_back(target);
    }
  }
  if (ended.empty()) return absl::OkStatus();
  PDP_RETURN_IF_ERROR(Change(std::move(next), /*put=*/nullptr));
  for (const std::string& target : ended) {
    Log(Severity::kInfo, "block_ended", {{"target", target}});
  }
  return absl::OkStatus();
}

bool BlockList::IsInForce(const policy::Block& block) const {
  return policy::IsInForce(block, *options_.clock);
}

std::shared_ptr<const BlockList::Blocks> BlockList::Current() const {
  MutexLock lock(mutex_);
  return blocks_;
}

void BlockList::Replace(Blocks blocks) {
  auto next = std::make_shared<const Blocks>(std::move(blocks));
  MutexLock lock(mutex_);
  blocks_ = std::move(next);
}

void BlockList::Publish(const Blocks& blocks) const {
  std::vector<policy::Block> list;
  list.reserve(blocks.size());
  for (const auto& [target, block] : blocks) list.push_back(block);
  options_.publish(std::make_shared<const policy::BlockSet>(std::move(list),
                                                            *options_.clock));
}

absl::Status BlockList::Change(Blocks next, const policy::Block* put) {
  std::vector<std::string> targets;
  std::vector<store::Block> stored;
  std::vector<fhir::ResourceKey> erased;
  if (put != nullptr) {
    stored.push_back({KeyOf(put->target), put->since, put->until, put->reason});
    targets.push_back(put->target);
  }
  const std::shared_ptr<const Blocks> before = Current();
  for (const auto& [target, block] : *before) {
    if (next.contains(target)) continue;
    erased.push_back(KeyOf(target));
    targets.push_back(target);
  }
  // First: what is decided at the revision that the store then has is decided
  // under these.
  Publish(next);
  const absl::StatusOr<uint64_t> revision = store_.ApplyBlocks(stored, erased);
  if (!revision.ok()) {
    Publish(*before);
    return revision.status();
  }
  Replace(std::move(next));
  if (options_.changed) options_.changed(*revision, targets);
  return absl::OkStatus();
}

}  // namespace pdp::sync

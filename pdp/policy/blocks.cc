#include "pdp/policy/blocks.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "pdp/fhir/reference.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {
namespace {

std::string Describe(const Block& block) {
  return StrCat(
      "`", block.target, "` is blocked until ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", block.until, absl::UTCTimeZone()),
      ": ", block.reason);
}

// Medplum has no such case: no status of its own.
Denial Blocked(const Block& block) {
  return {.reason = Reason::kBlocked, .message = Describe(block)};
}

Denial BlockedTenant(const Block& block, const SubjectAccess& access) {
  Denial denial = Blocked(block);
  denial.message =
      StrCat("a tenant of `", access.membership, "`, ", denial.message,
             "; name others as the active tenants");
  return denial;
}

// The last two segments of `https://host/fhir/R4/Patient/1`.
std::string_view LastTwoSegments(std::string_view reference) {
  const size_t id = reference.rfind('/');
  if (id == std::string_view::npos || id == 0) return reference;
  const size_t type = reference.rfind('/', id - 1);
  return type == std::string_view::npos ? reference
                                        : reference.substr(type + 1);
}

}  // namespace

bool IsInForce(const Block& block, const Clock& clock) {
  return clock.Now() < block.until || clock.SinceBoot() < block.deadline;
}

BlockSet::BlockSet(std::vector<Block> blocks, const Clock& clock)
    : clock_(clock) {
  for (Block& block : blocks) {
    std::string target = block.target;
    blocks_.insert_or_assign(std::move(target), std::move(block));
  }
}

std::optional<Denial> BlockSet::CheckNames(
    const Subject& subject, const RequestContext& context) const {
  const Block* block = FindReference(subject.reference);
  if (block == nullptr && !subject.project.empty()) {
    block = Find(StrCat("Project/", subject.project));
  }
  if (block == nullptr && context.on_behalf_of) {
    block = FindReference(*context.on_behalf_of);
  }
  for (const std::string_view tenant : context.active_tenants) {
    if (block == nullptr) block = FindReference(tenant);
  }
  if (block == nullptr) return std::nullopt;
  return Blocked(*block);
}

std::optional<Denial> BlockSet::CheckAccess(
    const SubjectAccess& access, const RequestContext& context) const {
  for (const std::string& name : access.names) {
    if (const Block* block = FindReference(name)) return Blocked(*block);
  }
  // Those that the request names were looked at by CheckNames.
  if (!context.active_tenants.empty()) return std::nullopt;
  if (!access.active_tenants.empty()) {
    for (const std::string& tenant : access.active_tenants) {
      if (const Block* block = FindReference(tenant)) return Blocked(*block);
    }
    return std::nullopt;
  }
  for (const std::string& tenant : access.own_tenants) {
    if (const Block* block = FindReference(tenant)) {
      return BlockedTenant(*block, access);
    }
  }
  return std::nullopt;
}

const Block* BlockSet::Find(std::string_view target) const {
  const auto it = blocks_.find(target);
  if (it == blocks_.end() || !IsInForce(it->second, clock_)) return nullptr;
  return &it->second;
}

const Block* BlockSet::FindReference(std::string_view reference) const {
  const size_t slash = reference.find('/');
  const bool is_plain =
      slash == std::string_view::npos ||
      reference.find('/', slash + 1) == std::string_view::npos;
  if (is_plain) return Find(reference);
  if (const auto key = fhir::KeyOfReference(reference)) {
    return Find(key->ToString());
  }
  return Find(LastTwoSegments(reference));
}

std::vector<Block> BlockSet::List() const {
  std::vector<Block> list;
  list.reserve(blocks_.size());
  for (const auto& [target, block] : blocks_) list.push_back(block);
  std::sort(list.begin(), list.end(),
            [](const Block& a, const Block& b) { return a.target < b.target; });
  return list;
}

size_t BlockSet::in_force() const {
  return static_cast<size_t>(std::count_if(
      blocks_.begin(), blocks_.end(),
      [this](const auto& item) { return IsInForce(item.second, clock_); }));
}

void PublishedBlocks::Publish(std::shared_ptr<const BlockSet> set) {
  static std::atomic<uint64_t> next_serial{1};
  MutexLock lock(mutex_);
  const bool none = set == nullptr || set->size() == 0;
  set_ = std::move(set);
  serial_.store(none ? 0 : next_serial.fetch_add(1, std::memory_order_relaxed),
                std::memory_order_seq_cst);
}

const BlockSet* PublishedBlocks::Get() const {
  struct Held {
    uint64_t serial = 0;
    std::shared_ptr<const BlockSet> set;
  };
  thread_local Held held;
  const uint64_t serial = serial_.load(std::memory_order_acquire);
  if (serial == 0) return nullptr;
  if (serial != held.serial) {
    MutexLock lock(mutex_);
    held.serial = serial_.load(std::memory_order_relaxed);
    held.set = set_;
  }
  return held.set.get();
}

std::shared_ptr<const BlockSet> PublishedBlocks::Share() const {
  MutexLock lock(mutex_);
  return set_;
}

}  // namespace pdp::policy

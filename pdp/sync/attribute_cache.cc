#include "pdp/sync/attribute_cache.h"

#include <algorithm>

namespace pdp::sync {
namespace {

using fhir::ElementSet;
using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;

// What is wanted and never fetched is forgotten past this.
constexpr size_t kMaxWanted = 100'000;

// Of the bytes, what is held for a moment may take one part in so many.
constexpr size_t kShareOfHeld = 4;

size_t BytesOf(const LookupResult& result) {
  // As StoreLookup counts them.
  constexpr size_t kFixed = 512;
  return result.resource == nullptr
             ? kFixed
             : kFixed + 16 * result.resource->json().size();
}

bool Covers(const LookupResult& result, const ElementSet& elements) {
  return result.state != LookupState::kFound || result.resource->Has(elements);
}

bool IsOfVersion(const AttributeCache::Fetched& fetched,
                 std::string_view version_id) {
  return fetched.result.state == LookupState::kFound && !version_id.empty() &&
         fetched.result.resource->version_id() == version_id;
}

}  // namespace

AttributeCache::AttributeCache(const Options& options)
    : options_(options),
      lasting_(options.max_bytes - options.max_bytes / kShareOfHeld) {}

AttributeCache::FeedId AttributeCache::AddFeed(std::string_view project,
                                               const FeedFreshness& freshness) {
  const auto id = static_cast<FeedId>(feeds_.size());
  feeds_.emplace_back(freshness);
  feed_of_project_.emplace(project, id);
  return id;
}

std::optional<AttributeCache::FeedId> AttributeCache::FeedOf(
    std::string_view project) const {
  for (const std::string_view wanted : {project, std::string_view()}) {
    const auto found = feed_of_project_.find(wanted);
    if (found != feed_of_project_.end()) return found->second;
  }
  return std::nullopt;
}

// A decision is refused where the feed is not current.
bool AttributeCache::IsFresh(const Fetched& fetched, FeedId feed) const {
  const absl::Duration wanted = feeds_[feed].freshness.as_of();
  if (fetched.coverage == nullptr) return fetched.began >= wanted;
  return !fetched.coverage->has_ended() &&
         std::max(fetched.began, fetched.coverage->as_of()) >= wanted &&
         fetched.began >= wanted - options_.max_age;
}

AttributeCache::Entry AttributeCache::Peek(const KeyView& key) const {
  Lasting::Ticket ticket;
  const std::optional<Entry> found = lasting_.Find(key, ticket);
  if (!found) return nullptr;
  not_given_.fetch_add(1, std::memory_order_relaxed);
  return *found;
}

AttributeCache::Entry AttributeCache::FindLasting(const KeyView& key) const {
  Lasting::Ticket ticket;
  std::optional<Entry> found = lasting_.Find(key, ticket);
  if (!found) return nullptr;
  if (IsFresh(**found, key.feed)) return *std::move(found);
  not_given_.fetch_add(1, std::memory_order_relaxed);
  return nullptr;
}

AttributeCache::Entry AttributeCache::FindHeldFor(const KeyView& key) const {
  const auto held = held_.find(key);
  if (held == held_.end() || held->second.until <= clock().SinceBoot() ||
      !IsFresh(*held->second.entry, key.feed)) {
    return nullptr;
  }
  return held->second.entry;
}

LookupResult AttributeCache::Read(const ResourceKey& key,
                                  const ElementSet& elements,
                                  std::string_view project) {
  const std::optional<FeedId> feed = FeedOf(project);
  if (!feed) return {.state = LookupState::kUnavailable};
  const KeyView view{*feed, key};
  const Entry lasting = FindLasting(view);
  if (lasting != nullptr) {
    if (Covers(lasting->result, elements)) return lasting->result;
    not_given_.fetch_add(1, std::memory_order_relaxed);
  }
  MutexLock lock(mutex_);
  const Entry held = FindHeldFor(view);
  if (held != nullptr && Covers(held->result, elements)) {
    held_hits_.fetch_add(1, std::memory_order_relaxed);
    return held->result;
  }
  misses_.fetch_add(1, std::memory_order_relaxed);
  Want(view, elements);
  // Who needs one element does not push out what others need.
  if (lasting != nullptr && !elements.is_whole()) {
    Want(view, lasting->result.resource->elements());
  }
  return {.state = LookupState::kPending};
}

LookupResult AttributeCache::FindHeld(const ResourceKey& key,
                                      std::string_view project) const {
  const std::optional<FeedId> feed = FeedOf(project);
  if (!feed) return {.state = LookupState::kUnavailable};
  const KeyView view{*feed, key};
  if (const Entry lasting = FindLasting(view)) return lasting->result;
  MutexLock lock(mutex_);
  if (const Entry held = FindHeldFor(view)) return held->result;
  return {.state = LookupState::kUnavailable};
}

void AttributeCache::Want(const KeyView& key, const ElementSet& elements) {
  const auto [wanted, is_new] =
      wanted_.try_emplace(Key{key.feed, key.resource});
  wanted->second.elements.Add(elements);
  if (!is_new) return;
  wanted_order_.push_back({key.feed, key.resource});
  while (wanted_order_.size() > kMaxWanted) {
    wanted_.erase(wanted_order_.front());
    wanted_order_.pop_front();
  }
}

std::optional<ElementSet> AttributeCache::Wanted(FeedId feed,
                                                 const ResourceKey& key) const {
  MutexLock lock(mutex_);
  const auto found = wanted_.find(KeyView{feed, key});
  if (found == wanted_.end()) return std::nullopt;
  return found->second.elements;
}

void AttributeCache::Put(FeedId feed, const ResourceKey& key, Fetched fetched) {
  const KeyView view{feed, key};
  const bool is_lasting = fetched.coverage != nullptr &&
                          fetched.result.state == LookupState::kFound &&
                          !fetched.result.resource->elements().is_whole();
  const auto entry = std::make_shared<const Fetched>(std::move(fetched));
  MutexLock lock(mutex_);
  PurgeLocked();
  const RecentTickets& seen = feeds_[feed].seen;
  const auto wanted = wanted_.find(view);
  if (entry->ticket <= seen.Find(key).value_or(seen.horizon())) {
    const bool is_as_seen = wanted != wanted_.end() &&
                            IsOfVersion(*entry, wanted->second.version_id);
    if (!is_as_seen) return;
  }
  if (wanted != wanted_.end() &&
      Covers(entry->result, wanted->second.elements)) {
    wanted_.erase(wanted);
  }
  if (!is_lasting) {
    Hold(view, entry);
    return;
  }
  const Entry former = Peek(view);
  if (former != nullptr && former->ticket > entry->ticket) return;
  DropHeld(view);
  lasting_.Erase(view);
  Lasting::Ticket ticket;
  lasting_.Find(view, ticket);
  lasting_.Insert({feed, key}, entry, BytesOf(entry->result), ticket);
  // Of what is too large to be kept the calls that wait for it find it all the
  // same.
  if (Peek(view) == nullptr) Hold(view, entry);
}

void AttributeCache::Hold(const KeyView& key, Entry entry) {
  DropHeld(key);
  const size_t bytes = BytesOf(entry->result);
  const size_t max_bytes = options_.max_bytes / kShareOfHeld;
  while (!held_.empty() && held_bytes_ + bytes > max_bytes) DropOldestHeld();
  const absl::Duration until = clock().SinceBoot() + options_.hold;
  held_.insert_or_assign(Key{key.feed, key.resource},
                         Held{std::move(entry), until, bytes});
  held_bytes_ += bytes;
  held_order_.push_back({until, {key.feed, key.resource}});
}

void AttributeCache::DropHeld(const KeyView& key) {
  const auto held = held_.find(key);
  if (held == held_.end()) return;
  held_bytes_ -= held->second.bytes;
  held_.erase(held);
}

// Its place may be that of one that was replaced since.
void AttributeCache::DropOldestHeld() {
  const auto& [until, key] = held_order_.front();
  const KeyView view{key.feed, key.resource};
  const auto held = held_.find(view);
  if (held != held_.end() && held->second.until == until) DropHeld(view);
  held_order_.pop_front();
}

void AttributeCache::Drop(const KeyView& key) {
  lasting_.Erase(key);
  DropHeld(key);
}

void AttributeCache::Invalidate(FeedId feed, const ResourceKey& key,
                                ReadTicket last) {
  MutexLock lock(mutex_);
  const KeyView view{feed, key};
  feeds_[feed].seen.Record(key, last);
  const auto wanted = wanted_.find(view);
  if (wanted != wanted_.end()) wanted->second.version_id.clear();
  Drop(view);
}

void AttributeCache::Seen(FeedId feed, const ResourceKey& key,
                          std::string_view version_id, ReadTicket last) {
  const KeyView view{feed, key};
  MutexLock lock(mutex_);
  feeds_[feed].seen.Record(key, last);
  const auto wanted = wanted_.find(view);
  if (wanted != wanted_.end()) wanted->second.version_id = version_id;
  const Entry lasting = Peek(view);
  if (lasting != nullptr && !IsOfVersion(*lasting, version_id)) {
    lasting_.Erase(view);
  }
  const auto held = held_.find(view);
  if (held != held_.end() && !IsOfVersion(*held->second.entry, version_id)) {
    DropHeld(view);
  }
}

void AttributeCache::Purge() {
  MutexLock lock(mutex_);
  PurgeLocked();
}

void AttributeCache::PurgeLocked() {
  const absl::Duration now = clock().SinceBoot();
  while (!held_order_.empty() && held_order_.front().first <= now) {
    DropOldestHeld();
  }
}

void AttributeCache::CountRead(bool ok) {
  reads_.fetch_add(1, std::memory_order_relaxed);
  if (!ok) failed_reads_.fetch_add(1, std::memory_order_relaxed);
}

AttributeCache::Statistics AttributeCache::statistics() const {
  const CacheStatistics lasting = lasting_.statistics();
  Statistics sum;
  sum.hits = lasting.hits - not_given_.load(std::memory_order_relaxed) +
             held_hits_.load(std::memory_order_relaxed);
  sum.misses = misses_.load(std::memory_order_relaxed);
  sum.evictions = lasting.evictions;
  sum.entries = lasting.entries;
  sum.bytes = lasting.bytes;
  sum.reads = reads_.load(std::memory_order_relaxed);
  sum.failed_reads = failed_reads_.load(std::memory_order_relaxed);
  MutexLock lock(mutex_);
  sum.entries += held_.size();
  sum.bytes += held_bytes_;
  return sum;
}

}  // namespace pdp::sync

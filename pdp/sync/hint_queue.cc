#include "pdp/sync/hint_queue.h"

#include <algorithm>
#include <iterator>

namespace pdp::sync {

bool HintQueue::Offer(Hint&& hint, absl::Duration delay) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  const auto found = entries_.find(hint.key);
  if (found == entries_.end() && entries_.size() >= max_hints_) return false;
  const Place place = {clock_.SinceBoot() + delay, ++last_place_};
  if (found == entries_.end()) {
    order_.emplace(place, hint.key);
    fhir::ResourceKey key = hint.key;
    entries_.emplace(std::move(key), Entry{std::move(hint), place});
  } else {
    Entry& entry = found->second;
    entry.hint.deleted |= hint.deleted;
    entry.hint.looks = std::min(entry.hint.looks, hint.looks);
    std::move(hint.waiting.begin(), hint.waiting.end(),
              std::back_inserter(entry.hint.waiting));
    if (place < entry.place) {
      order_.erase(entry.place);
      order_.emplace(place, hint.key);
      entry.place = place;
    }
  }
  changed_.notify_one();
  return true;
}

std::optional<Hint> HintQueue::Poll() {
  const std::lock_guard lock(mutex_);
  return PollLocked();
}

std::optional<Hint> HintQueue::Take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopped_) return std::nullopt;
    if (std::optional<Hint> hint = PollLocked()) {
      // What comes next may be due sooner than another thread waits for.
      if (!order_.empty()) changed_.notify_one();
      return hint;
    }
    if (order_.empty()) {
      changed_.wait(lock);
    } else {
      const absl::Duration wait =
          order_.begin()->first.first - clock_.SinceBoot();
      changed_.wait_for(lock, absl::ToChronoNanoseconds(wait));
    }
  }
}

std::optional<Hint> HintQueue::PollLocked() {
  if (order_.empty() || order_.begin()->first.first > clock_.SinceBoot()) {
    return std::nullopt;
  }
  const auto first = order_.begin();
  const auto entry = entries_.find(first->second);
  Hint hint = std::move(entry->second.hint);
  entries_.erase(entry);
  order_.erase(first);
  return hint;
}

std::vector<Hint> HintQueue::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  std::vector<Hint> left;
  for (auto& [key, entry] : entries_) left.push_back(std::move(entry.hint));
  entries_.clear();
  order_.clear();
  changed_.notify_all();
  return left;
}

size_t HintQueue::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pdp::sync

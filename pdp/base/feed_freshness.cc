#include "pdp/base/feed_freshness.h"

#include <algorithm>

namespace pdp {
namespace {

constexpr int64_t Encode(FeedState state) {
  return -1 - static_cast<int64_t>(state);
}

}  // namespace

std::string_view FeedStateName(FeedState state) {
  switch (state) {
    case FeedState::kLoading:
      return "loading";
    case FeedState::kCurrent:
      return "current";
    case FeedState::kCredentialsRefused:
      return "credentials_refused";
    case FeedState::kProjectGone:
      return "project_gone";
    case FeedState::kAccessMissing:
      return "access_missing";
  }
  return "unknown";
}

void FeedFreshness::Confirm(absl::Duration as_of) {
  const int64_t nanos = std::max<int64_t>(0, absl::ToInt64Nanoseconds(as_of));
  int64_t known = value_.load(std::memory_order_relaxed);
  while (known < nanos && !value_.compare_exchange_weak(
                              known, nanos, std::memory_order_release)) {
  }
}

void FeedFreshness::Refuse(FeedState why) {
  value_.store(Encode(why), std::memory_order_release);
}

FeedState FeedFreshness::state() const {
  const int64_t value = value_.load(std::memory_order_acquire);
  return value >= 0 ? FeedState::kCurrent : static_cast<FeedState>(-1 - value);
}

absl::Duration FeedFreshness::as_of() const {
  const int64_t value = value_.load(std::memory_order_acquire);
  return value >= 0 ? absl::Nanoseconds(value) : -absl::InfiniteDuration();
}

absl::Duration FeedFreshness::Age(absl::Duration now) const {
  return std::max(now - as_of(), absl::ZeroDuration());
}

FeedFreshness& FreshnessTable::Add(std::string_view project) {
  Feed& feed = feeds_.emplace_back();
  feed.project = project;
  by_project_.emplace(project, &feed.freshness);
  return feed.freshness;
}

const FeedFreshness* FreshnessTable::Find(std::string_view project) const {
  auto found = by_project_.find(project);
  if (found == by_project_.end()) found = by_project_.find("");
  return found == by_project_.end() ? nullptr : found->second;
}

absl::Duration FreshnessTable::OldestAge(absl::Duration now) const {
  if (feeds_.empty()) return absl::InfiniteDuration();
  absl::Duration oldest = absl::ZeroDuration();
  for (const Feed& feed : feeds_) {
    oldest = std::max(oldest, feed.freshness.Age(now));
  }
  return oldest;
}

void FreshnessTable::ForEach(
    const std::function<void(std::string_view, const FeedFreshness&)>& visit)
    const {
  for (const Feed& feed : feeds_) visit(feed.project, feed.freshness);
}

}  // namespace pdp

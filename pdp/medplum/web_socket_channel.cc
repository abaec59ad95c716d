#include "pdp/medplum/web_socket_channel.h"

#include <algorithm>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

// Ids beyond this are left to the server, which drops them after 24 h.
constexpr size_t kMaxLeftovers = 200;

absl::Time FromNanos(int64_t nanos) {
  return nanos == 0 ? absl::InfinitePast() : absl::FromUnixNanos(nanos);
}

}  // namespace

WebSocketChannel::WebSocketChannel(Api& api, WebSocketConnector& sockets,
                                   const Clock& clock,
                                   WebSocketChannelOptions options,
                                   NotificationSink sink)
    : api_(api),
      sockets_(sockets),
      clock_(clock),
      options_(std::move(options)),
      sink_(std::move(sink)),
      alarm_(clock, options_.set.tick),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

WebSocketChannel::~WebSocketChannel() {
  thread_.request_stop();
  thread_.join();
}

void WebSocketChannel::Run(const std::stop_token& stop) {
  int failures = 0;
  while (!stop.stop_requested()) {
    const absl::Duration began = clock_.SinceBoot();
    const absl::Status end = Live(stop);
    if (stop.stop_requested()) break;
    SetDisconnected(end);
    // The sockets close before the Subscriptions are deleted.
    Drop(set_);
    if (!absl::IsUnavailable(end)) DeleteLeftovers(stop);
    if (clock_.SinceBoot() - began >= options_.settled_after) failures = 0;
    alarm_.WaitUntil(
        clock_.SinceBoot() + RetryDelay(options_.retry, end, failures++), stop);
  }
  set_ = nullptr;
}

absl::Status WebSocketChannel::Live(const std::stop_token& stop) {
  // A server that was killed still has them, and allows only so many.
  DeleteLeftovers(stop);
  PDP_RETURN_IF_ERROR(OpenFirstSet(stop));
  SetConnected();
  absl::Duration renew_at = set_began_ + options_.renew_after;
  absl::Duration probe_at = clock_.SinceBoot() + options_.probe_interval;
  while (true) {
    PDP_RETURN_IF_ERROR(set_->WaitUntil(
        std::min({set_->rebind_at(), renew_at, probe_at}), stop));
    const absl::Duration now = clock_.SinceBoot();
    if (now >= probe_at) {
      PDP_RETURN_IF_ERROR(set_->Probe());
      probe_at = now + options_.probe_interval;
    }
    if (now < renew_at && now < set_->rebind_at()) continue;
    if (now < renew_at) {
      PDP_RETURN_IF_ERROR(set_->Rebind(stop));
      const std::lock_guard lock(mutex_);
      ++statistics_.rebinds;
      continue;
    }
    const absl::Status renewed = Renew(stop);
    if (renewed.ok()) {
      renew_at = set_began_ + options_.renew_after;
      continue;
    }
    renew_at += options_.renew_retry;
    if (renew_at > set_began_ + options_.renew_by) {
      // Without the old set in its way a new one may well be made, at once.
      return absl::UnavailableError(renewed.message());
    }
  }
}

absl::Status WebSocketChannel::Renew(const std::stop_token& stop) {
  const absl::Duration began = set_began_;
  std::unique_ptr<SubscriptionSet> next;
  const absl::Status opened = OpenSet(stop, per_type_, next);
  if (opened.ok()) {
    std::swap(set_, next);
    const std::lock_guard lock(mutex_);
    ++statistics_.renewals;
  } else {
    set_began_ = began;
  }
  Drop(next);
  DeleteLeftovers(stop);
  return opened;
}

absl::Status WebSocketChannel::OpenSet(const std::stop_token& stop,
                                       PerType per_type,
                                       std::unique_ptr<SubscriptionSet>& set) {
  set = std::make_unique<SubscriptionSet>(api_, sockets_, clock_, options_.set,
                                          per_type, sink_.notify, counters_);
  set_began_ = clock_.SinceBoot();
  return set->Open(stop);
}

absl::Status WebSocketChannel::OpenFirstSet(const std::stop_token& stop) {
  per_type_ = PerType::kEachInteraction;
  const absl::Status opened = OpenSet(stop, per_type_, set_);
  if (!absl::IsResourceExhausted(opened)) return opened;
  Drop(set_);
  DeleteLeftovers(stop);
  per_type_ = PerType::kOne;
  return OpenSet(stop, per_type_, set_);
}

void WebSocketChannel::Drop(std::unique_ptr<SubscriptionSet>& set) {
  if (set == nullptr) return;
  leftovers_.insert(leftovers_.end(), set->ids().begin(), set->ids().end());
  set = nullptr;
}

void WebSocketChannel::DeleteLeftovers(const std::stop_token& stop) {
  if (leftovers_.size() > kMaxLeftovers) {
    leftovers_.erase(leftovers_.begin(), leftovers_.end() - kMaxLeftovers);
  }
  while (!leftovers_.empty() && !stop.stop_requested()) {
    const absl::Status deleted = api_.DeleteSubscription(leftovers_.back());
    // What is refused is not tried again.
    if (absl::IsUnavailable(deleted) || absl::IsCancelled(deleted)) return;
    leftovers_.pop_back();
  }
}

void WebSocketChannel::SetConnected() {
  {
    const std::lock_guard lock(mutex_);
    statistics_.Connect(clock_.Now());
    ++statistics_.connections;
  }
  if (sink_.connected) sink_.connected();
}

void WebSocketChannel::SetDisconnected(const absl::Status& why) {
  {
    const std::lock_guard lock(mutex_);
    statistics_.Disconnect(why);
  }
  if (sink_.disconnected) sink_.disconnected(why);
}

WebSocketChannelStatistics WebSocketChannel::statistics() const {
  WebSocketChannelStatistics result;
  {
    const std::lock_guard lock(mutex_);
    result = statistics_;
  }
  const auto events = [this](Interaction interaction) {
    return counters_.events[static_cast<size_t>(interaction)].load();
  };
  result.last_frame = FromNanos(counters_.last_frame);
  result.last_event = FromNanos(counters_.last_event);
  result.heartbeats = counters_.heartbeats;
  result.creates = events(Interaction::kCreate);
  result.updates = events(Interaction::kUpdate);
  result.deletes = events(Interaction::kDelete);
  result.foreign_frames = counters_.foreign;
  result.malformed_frames = counters_.malformed;
  return result;
}

}  // namespace pdp::medplum

#include "clients/cpp/timer.h"

#include <algorithm>

namespace medplum_pdp {
namespace {

// A time that the clock can still tell.
constexpr absl::Duration kLongest = absl::Hours(24 * 365);

}  // namespace

Timer::Timer() : thread_([this] { Run(); }) {}

Timer::~Timer() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Timer::Id Timer::After(absl::Duration wait, std::function<void()> function) {
  const TimePoint at = std::chrono::steady_clock::now() +
                       absl::ToChronoNanoseconds(std::min(wait, kLongest));
  const std::lock_guard lock(mutex_);
  const Id id = ++last_id_;
  const auto added =
      functions_.emplace(std::pair(at, id), std::move(function)).first;
  times_.emplace(id, at);
  if (added == functions_.begin()) changed_.notify_all();
  return id;
}

bool Timer::Cancel(Id id) {
  std::function<void()> dropped;  // Ends outside of the lock.
  const std::lock_guard lock(mutex_);
  const auto time = times_.find(id);
  if (time == times_.end()) return false;
  const auto function = functions_.find(std::pair(time->second, id));
  dropped = std::move(function->second);
  functions_.erase(function);
  times_.erase(time);
  return true;
}

void Timer::CancelAndWait(Id id) {
  if (id == 0 || Cancel(id)) return;
  if (std::this_thread::get_id() == thread_.get_id()) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this, id] { return running_ != id; });
}

void Timer::Run() {
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    if (functions_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto next = functions_.begin();
    const TimePoint at = next->first.first;
    if (std::chrono::steady_clock::now() < at) {
      changed_.wait_until(lock, at);
      continue;
    }
    std::function<void()> function = std::move(next->second);
    running_ = next->first.second;
    times_.erase(running_);
    functions_.erase(next);
    lock.unlock();
    function();
    function = nullptr;
    lock.lock();
    running_ = 0;
    changed_.notify_all();
  }
}

}  // namespace medplum_pdp

#include "clients/cpp/open_calls.h"

#include <utility>
#include <vector>

namespace medplum_pdp {

std::optional<OpenCalls::Id> OpenCalls::Add(std::function<void()> cancel) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return std::nullopt;
  cancels_.emplace(++last_id_, std::move(cancel));
  return last_id_;
}

void OpenCalls::Remove(Id id) {
  std::function<void()> dropped;  // Ends outside of the lock.
  const std::lock_guard lock(mutex_);
  const auto call = cancels_.find(id);
  dropped = std::move(call->second);
  cancels_.erase(call);
  removed_.notify_all();
}

void OpenCalls::CloseAndWait() {
  std::vector<std::function<void()>> cancels;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    cancels.reserve(cancels_.size());
    for (const auto& [id, cancel] : cancels_) cancels.push_back(cancel);
  }
  for (const auto& cancel : cancels) cancel();
  cancels.clear();
  std::unique_lock lock(mutex_);
  removed_.wait(lock, [this] { return cancels_.empty(); });
}

}  // namespace medplum_pdp

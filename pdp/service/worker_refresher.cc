#include "pdp/service/worker_refresher.h"

#include <utility>

namespace pdp::service {

void WorkerRefresher::Refresh(std::string /*project*/, FetchDone done) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(done));
    // Not the first: a run that has not begun will serve this one, too.
    if (waiting_.size() > 1) return;
  }
  // There is room: a queued run that has not begun has someone waiting.
  worker_.Offer([this] { Run(); });
}

void WorkerRefresher::Run() {
  std::vector<FetchDone> served;
  {
    MutexLock lock(mutex_);
    served.swap(waiting_);
  }
  const absl::Status status = read_();
  for (const FetchDone& done : served) done(status);
}

}  // namespace pdp::service

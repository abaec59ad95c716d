// A Refresher over a function that reads the source again and may take long.

#ifndef PDP_SERVICE_WORKER_REFRESHER_H_
#define PDP_SERVICE_WORKER_REFRESHER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "pdp/base/mutex.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/service/worker.h"

namespace pdp::service {

// Calls that come in while the source is being read share the next reading: a
// reading that began earlier may have passed by what they wait for.
class WorkerRefresher final : public Refresher {
 public:
  // `read` is called from one thread at a time.
  explicit WorkerRefresher(std::function<absl::Status()> read)
      : read_(std::move(read)), worker_(/*max_queued=*/1) {}

  void Refresh(std::string project, FetchDone done) override;

 private:
  void Run();

  const std::function<absl::Status()> read_;
  Mutex mutex_;
  std::vector<FetchDone> waiting_ ABSL_GUARDED_BY(mutex_);
  // Last: its thread uses the others.
  Worker worker_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_WORKER_REFRESHER_H_

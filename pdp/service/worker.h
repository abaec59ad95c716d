// Worker: one thread that runs what may take long, one thing after the other.

#ifndef PDP_SERVICE_WORKER_H_
#define PDP_SERVICE_WORKER_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace pdp::service {

// Thread-safe.
class Worker {
 public:
  explicit Worker(size_t max_queued);
  // Runs what is queued, then ends.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // False where the queue is full; `task` is then never run.
  bool Offer(std::function<void()> task);

 private:
  void Run();

  const size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_WORKER_H_

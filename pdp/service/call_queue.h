// CallQueue: one completion queue and the one thread that serves it.  Calls are
// posted ahead and reused; decisions are made on that thread, as handing one
// over would cost more than making it.
//
// A call that has to wait for a fact is put aside, and another is posted in its
// place, so that calls that wait are never in the way of those that do not.

#ifndef PDP_SERVICE_CALL_QUEUE_H_
#define PDP_SERVICE_CALL_QUEUE_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/mutex.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/service/grpc_service.h"
#include "pdp/service/metrics.h"

namespace pdp::service {

// What comes out of a completion queue.
class QueueTag {
 public:
  virtual void Proceed(bool ok) = 0;

 protected:
  ~QueueTag() = default;
};

// Brings work from other threads to the thread of a queue.  Thread-safe.
class Mailbox final : public QueueTag {
 public:
  explicit Mailbox(grpc::ServerCompletionQueue& queue) : queue_(queue) {}

  // Runs `task` on the queue's thread; never, once the mailbox is closed.
  void Post(std::function<void()> task);

  // On the queue's thread, before the queue is shut down.
  void Close();

  void Proceed(bool ok) override;

 private:
  grpc::ServerCompletionQueue& queue_;
  Mutex mutex_;
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool armed_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Alarm alarm_;
};

// A call that was put aside.
class WaitingCall {
 public:
  // What it waits for has been got, or cannot be.
  virtual void Resume(const absl::Status& status) = 0;

 protected:
  ~WaitingCall() = default;
};

class StreamCall;

// Calls of one method that are ready to be matched with a request.
struct CallPool {
  int posted = 0;
  int initial = 0;  // Posted at start.
  int max = 0;      // Posted at most.
};

struct CallQueueContext {
  PolicyDecisionPointService& grpc;
  const DecisionService& service;
  Metrics& metrics;
  FactFetcher* fetcher = nullptr;  // May be null.
  Refresher* refresher = nullptr;  // May be null.
};

class CallQueue {
 public:
  CallQueue(const CallQueueContext& context,
            std::unique_ptr<grpc::ServerCompletionQueue> queue);
  // REQUIRES: Stop was called, if Start was.
  ~CallQueue();
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  // REQUIRES: the grpc::Server is started.
  void Start();

  // Ends streams where they stand; at `deadline` calls that still wait are
  // answered without what they wait for.  Returns at once.
  void BeginDrain(absl::Time deadline);

  // REQUIRES: the grpc::Server is shut down.
  void Stop();

  // The rest is for the calls, on the queue's thread.

  const CallQueueContext& context() const { return context_; }
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  bool is_draining() const { return draining_; }

  // Puts `call` aside and starts getting what `outcome` asks for.  False where
  // too many calls wait already.
  bool PutAside(const CallOutcome& outcome, WaitingCall* call);

  CallPool& check_pool() { return check_pool_; }
  CallPool& batch_pool() { return batch_pool_; }
  CallPool& filter_pool() { return filter_pool_; }
  absl::flat_hash_set<StreamCall*>& streams() { return streams_; }

 private:
  class DrainAlarm;

  void Run();
  void ResumeCall(uint64_t id, const absl::Status& status);
  void AbandonWaiting();

  const CallQueueContext context_;
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const std::shared_ptr<Mailbox> mailbox_;
  const std::unique_ptr<DrainAlarm> drain_alarm_;
  std::thread thread_;
  bool is_stopped_ = false;

  // Of the queue's thread alone.
  CallPool check_pool_{.initial = 64, .max = 256};
  CallPool batch_pool_{.initial = 16, .max = 64};
  CallPool filter_pool_{.initial = 16, .max = 256};
  absl::flat_hash_map<uint64_t, WaitingCall*> waiting_;
  absl::flat_hash_set<StreamCall*> streams_;
  uint64_t next_waiting_ = 1;
  bool draining_ = false;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_QUEUE_H_

// CallQueue: one completion queue and the one thread that serves it.  Calls are
// posted ahead and reused; decisions are made on that thread, as handing one
// over would cost more than making it.
//
// Every service of the server is on such a queue, health and reflection too:
// gRPC's callback and synchronous APIs bring threads that poll the same
// sockets, and each request that one of them reads has to be handed over.
//
// An answer with a decision leaves when its audit record is written.  Records
// are written at once for all answers that are made from what the queue has
// ready (a drain), and the answers share packets, so that many calls cost one
// write to the log and one to each connection, and one call no wait.
//
// A call that has to wait is put aside, and another is posted in its place, so
// that calls that wait are never in the way of those that do not.

#ifndef PDP_SERVICE_CALL_QUEUE_H_
#define PDP_SERVICE_CALL_QUEUE_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/mutex.h"
#include "pdp/service/admin_service.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/service/ledger.h"
#include "pdp/service/metrics.h"
#include "pdp/service/revision_watchers.h"
#include "pdp/service/shared_packets.h"
#include "pdp/service/worker.h"

namespace pdp::service {

class Callers;
class Gateway;
struct GrpcServices;

// What the calls of a server share.
struct CallContext {
  GrpcServices& grpc;
  const Callers& callers;
  const DecisionService& decisions;
  AdminService& admin;
  Metrics& metrics;
  Worker& worker;         // For what takes its time.
  Worker& urgent_worker;  // For what takes little, and must not wait for that.
  Worker& thinking_worker;  // For what decides much at once.
  const std::atomic<bool>& is_serving;
  bool serves_reflection = false;
  // Of one queue.
  int64_t max_calls_in_flight = 10'000;
  size_t max_open_streams = 1'000;
  // Those that watch the server's health not counted, which have their own: as
  // many as there may be connections.
  size_t max_health_watches = 10'000;
  absl::Duration unread_answers = absl::Seconds(30);
  FactSources sources;
  RevisionWatchers* watchers = nullptr;  // May be null.
  const Gateway* gateway = nullptr;      // Null: ext_authz is not served.
  Audit audit = {};
  LedgerPool* ledgers = nullptr;         // Of the workers.
  const PeerSockets* sockets = nullptr;  // May be null.
};

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

// A call whose answer waits for its record.
class HeldCall {
 public:
  // The record is written, or why not.
  virtual void Release(const absl::Status& written) = 0;

  // The connection that its answer leaves by.
  virtual std::string peer() const = 0;

 protected:
  ~HeldCall() = default;
};

// A stream that is open.
class OpenStream {
 public:
  // The queue drains: end when what was read has been answered.  May delete
  // this.
  virtual void Drain() = 0;

  // The server serves, or does so no more.
  virtual void ServingChanged() {}

  // Called every now and then.
  virtual void Tick(absl::Time /*now*/) {}

 protected:
  ~OpenStream() = default;
};

class CallQueue {
 public:
  // Which calls are posted: those of each queue, or all.
  enum class Serves : uint8_t { kDecisions, kEverything };

  CallQueue(const CallContext& context, Serves serves,
            std::unique_ptr<grpc::ServerCompletionQueue> queue);
  // REQUIRES: Stop was called, if Start was.
  ~CallQueue();
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  // REQUIRES: the grpc::Server is started.
  void Start();

  // Tells watchers of health that is_serving has changed.
  void ServingChanged();

  // Ends streams where they stand; at `deadline` calls that still wait for a
  // fact are answered without it.  Returns at once.
  void BeginDrain(absl::Time deadline);

  // Returns when the calls that are left have ended; gRPC has cancelled them,
  // but what became of their operations may not have reached them yet.
  // REQUIRES: the grpc::Server is shut down.
  void Stop();

  // The rest is for the calls, on the queue's thread.

  const CallContext& context() const { return context_; }
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  bool is_draining() const { return draining_; }

  // Puts `call` aside until what is returned is called, from any thread.
  // Nothing where too many calls wait already.  Where it `may_give_up`, it is
  // resumed at the deadline of a drain at the latest.
  // Likewise at `deadline`.
  std::optional<FetchDone> PutAside(
      WaitingCall* call, bool may_give_up,
      std::chrono::system_clock::time_point deadline =
          std::chrono::system_clock::time_point::max());

  // Resumes `call` with `status` now, if it is put aside and may give up.
  void GiveUp(WaitingCall* call, const absl::Status& status);

  // Where answers of this thread are recorded; null: they are not.
  Ledger* ledger() const { return ledger_.get(); }
  // What answers end with after their records were `written`: OK where they may
  // leave.
  absl::Status Verdict(const absl::Status& written) const {
    return ledger_ == nullptr ? absl::OkStatus() : ledger_->Verdict(written);
  }
  // No more answers are to be made before those that were are released.
  bool is_ledger_full() const {
    return ledger_ != nullptr && ledger_->added() >= kMaxRecordsPerWrite;
  }
  // Releases `call` once what was added to the ledger is written, together with
  // whatever else is answered by then.
  // REQUIRES: `call` is not held.
  void Hold(HeldCall* call) { held_.push_back(call); }
  // Another answer of the call that was held last, or of one before it.
  void CountAnswer() { ++answers_; }

  // What runs `task` on the queue's thread when it is called, from any thread.
  // It may outlive the queue; `task` then never runs.
  std::function<void()> Poster(std::function<void()> task) {
    return
        [mailbox = mailbox_, task = std::move(task)] { mailbox->Post(task); };
  }

  // How many calls of `method` are ready to be matched with a request.
  int& posted(Method method) { return posted_[static_cast<size_t>(method)]; }
  absl::flat_hash_set<OpenStream*>& streams() { return streams_; }
  // How many of them watch the server's health: each client has one for each
  // connection, so that they are not counted against anybody.
  size_t& health_watches() { return health_watches_; }

  // Unary calls that have come in and are not over.
  int64_t& calls_in_flight() { return calls_in_flight_; }
  bool has_too_many_calls() const {
    return calls_in_flight_ > context_.max_calls_in_flight;
  }
  bool has_too_many_health_watches() const {
    return health_watches_ > context_.max_health_watches;
  }
  bool has_too_many_streams() const {
    return streams_.size() - health_watches_ > context_.max_open_streams;
  }

 private:
  class DrainAlarm;
  class Ticker;
  struct Waiting {
    WaitingCall* call = nullptr;
    bool may_give_up = false;
    std::chrono::system_clock::time_point deadline;
  };

  static constexpr size_t kMaxRecordsPerWrite = 512;
  static constexpr int kMaxEventsPerDrain = 64;
  // After so many drains of one answer each, looking for another has been in
  // vain so often that it is done only every so many drains.
  static constexpr uint32_t kVainDrains = 8;
  static constexpr uint32_t kDrainsPerLook = 16;

  void Run();
  void TakeWhatIsReady();
  bool IsAlone() const {
    return lone_drains_ >= kVainDrains && lone_drains_ % kDrainsPerLook != 0;
  }
  void ReleaseHeld();
  std::vector<int> SocketsOf(const std::vector<HeldCall*>& calls) const;
  // gRPC aborts the process where an operation is begun on a queue that is shut
  // down, so no call may be left.
  void ShutDownIfOver();
  void ResumeCall(uint64_t id, const absl::Status& status);
  // Those whose deadline is not after `until`.
  void GiveUpWaiting(std::chrono::system_clock::time_point until,
                     const absl::Status& status);
  void Tick();

  const CallContext context_;
  const Serves serves_;
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const std::shared_ptr<Mailbox> mailbox_;
  const std::unique_ptr<DrainAlarm> drain_alarm_;
  const std::unique_ptr<Ticker> ticker_;
  const std::unique_ptr<Ledger> ledger_;
  std::thread thread_;
  bool is_stopped_ = false;

  // Of the queue's thread alone.
  std::array<int, kMethods> posted_{};
  absl::flat_hash_map<uint64_t, Waiting> waiting_;
  absl::flat_hash_set<OpenStream*> streams_;
  size_t health_watches_ = 0;
  std::vector<HeldCall*> held_;
  size_t answers_ = 0;        // Of those that are held.
  uint32_t lone_drains_ = 0;  // Of one answer, one after the other.
  uint64_t next_waiting_ = 1;
  int64_t calls_in_flight_ = 0;
  bool draining_ = false;
  bool is_stopping_ = false;
  bool is_shut_down_ = false;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALL_QUEUE_H_

#include "pdp/service/call_queue.h"

#include <pthread.h>

#include <utility>

#include "absl/time/clock.h"
#include "pdp/service/queued_calls.h"

namespace pdp::service {
namespace {

constexpr size_t kMaxWaiting = 4'096;

}  // namespace

void Mailbox::Post(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (closed_) return;
  tasks_.push_back(std::move(task));
  if (armed_) return;
  armed_ = true;
  alarm_.Set(&queue_, gpr_now(GPR_CLOCK_MONOTONIC),
             static_cast<QueueTag*>(this));
}

void Mailbox::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
}

void Mailbox::Proceed(bool /*ok*/) {
  std::vector<std::function<void()>> tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(tasks_);
    armed_ = false;
  }
  for (const std::function<void()>& task : tasks) task();
}

class CallQueue::DrainAlarm final : public QueueTag {
 public:
  explicit DrainAlarm(CallQueue& queue) : queue_(queue) {}

  void Set(absl::Time deadline) {
    alarm_.Set(queue_.queue(), absl::ToChronoTime(deadline),
               static_cast<QueueTag*>(this));
  }
  void Cancel() { alarm_.Cancel(); }

  void Proceed(bool ok) override {
    if (ok) queue_.AbandonWaiting();
  }

 private:
  CallQueue& queue_;
  grpc::Alarm alarm_;
};

CallQueue::CallQueue(const CallQueueContext& context,
                     std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : context_(context),
      queue_(std::move(queue)),
      mailbox_(std::make_shared<Mailbox>(*queue_)),
      drain_alarm_(std::make_unique<DrainAlarm>(*this)) {}

CallQueue::~CallQueue() {
  if (thread_.joinable() || is_stopped_) return;
  // Never started.
  queue_->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
  }
}

void CallQueue::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "pdp-decide");
}

void CallQueue::BeginDrain(absl::Time deadline) {
  mailbox_->Post([this, deadline] {
    draining_ = true;
    drain_alarm_->Set(deadline);
    // Draining a stream may end it, which changes the set.
    const std::vector<StreamCall*> streams(streams_.begin(), streams_.end());
    for (StreamCall* stream : streams) DrainStream(*stream);
  });
}

void CallQueue::Stop() {
  mailbox_->Post([this] {
    draining_ = true;
    drain_alarm_->Cancel();
    mailbox_->Close();
    // On this thread, so that none of its calls can post in between.
    queue_->Shutdown();
  });
  thread_.join();
  is_stopped_ = true;
}

bool CallQueue::PutAside(const CallOutcome& outcome, WaitingCall* call) {
  if (waiting_.size() >= kMaxWaiting) {
    context_.metrics.CountRejection(Rejection::kTooManyWaiting);
    return false;
  }
  const uint64_t id = next_waiting_++;
  waiting_.emplace(id, call);
  // The mailbox may outlive this queue; what is posted to it then never runs.
  FetchDone done = [this, id, mailbox = mailbox_](const absl::Status& status) {
    mailbox->Post([this, id, status] { ResumeCall(id, status); });
  };
  if (outcome.needs_refresh) {
    context_.refresher->Refresh(std::move(done));
  } else {
    context_.fetcher->Fetch(outcome.needed, std::move(done));
  }
  return true;
}

void CallQueue::ResumeCall(uint64_t id, const absl::Status& status) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;  // Abandoned.
  WaitingCall* const call = found->second;
  waiting_.erase(found);
  call->Resume(status);
}

void CallQueue::AbandonWaiting() {
  absl::flat_hash_map<uint64_t, WaitingCall*> abandoned;
  abandoned.swap(waiting_);
  for (const auto& [id, call] : abandoned) {
    call->Resume(absl::UnavailableError("the server is stopping"));
  }
}

void CallQueue::Run() {
  PostCalls(*this);
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<QueueTag*>(tag)->Proceed(ok);
}

}  // namespace pdp::service

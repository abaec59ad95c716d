#include "pdp/service/call_queue.h"

#include <pthread.h>

#include <utility>

#include "absl/time/clock.h"
#include "pdp/service/calls.h"

namespace pdp::service {
namespace {

constexpr size_t kMaxWaiting = 4'096;

absl::Status ServerStops() {
  return absl::UnavailableError("the server is stopping");
}

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
    if (!ok) return;
    queue_.GiveUpWaiting(std::chrono::system_clock::time_point::max(),
                         ServerStops());
  }

 private:
  CallQueue& queue_;
  grpc::Alarm alarm_;
};

// Looks after what waits, every second.
class CallQueue::Ticker final : public QueueTag {
 public:
  explicit Ticker(CallQueue& queue) : queue_(queue) {}

  void Set() {
    alarm_.Set(queue_.queue(),
               std::chrono::system_clock::now() + std::chrono::seconds(1),
               static_cast<QueueTag*>(this));
  }
  // No more after this.
  void Stop() {
    is_stopped_ = true;
    alarm_.Cancel();
  }

  void Proceed(bool ok) override {
    if (!ok || is_stopped_) return;
    queue_.Tick();
    Set();
  }

 private:
  CallQueue& queue_;
  grpc::Alarm alarm_;
  bool is_stopped_ = false;
};

CallQueue::CallQueue(const CallContext& context, Serves serves,
                     std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : context_(context),
      serves_(serves),
      queue_(std::move(queue)),
      mailbox_(std::make_shared<Mailbox>(*queue_)),
      drain_alarm_(std::make_unique<DrainAlarm>(*this)),
      ticker_(std::make_unique<Ticker>(*this)),
      ledger_(context.audit.NewLedger(context.metrics)) {}

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

void CallQueue::ServingChanged() {
  mailbox_->Post([this] {
    const std::vector<OpenStream*> streams(streams_.begin(), streams_.end());
    for (OpenStream* stream : streams) stream->ServingChanged();
  });
}

void CallQueue::BeginDrain(absl::Time deadline) {
  mailbox_->Post([this, deadline] {
    draining_ = true;
    drain_alarm_->Set(deadline);
    // Draining a stream may end it, which changes the set.
    const std::vector<OpenStream*> streams(streams_.begin(), streams_.end());
    for (OpenStream* stream : streams) stream->Drain();
  });
}

void CallQueue::Stop() {
  mailbox_->Post([this] {
    draining_ = true;
    is_stopping_ = true;
    drain_alarm_->Cancel();
    GiveUpWaiting(std::chrono::system_clock::time_point::max(), ServerStops());
  });
  thread_.join();
  is_stopped_ = true;
}

std::optional<FetchDone> CallQueue::PutAside(
    WaitingCall* call, bool may_give_up,
    std::chrono::system_clock::time_point deadline) {
  if (waiting_.size() >= kMaxWaiting) {
    context_.metrics.CountRejection(Rejection::kTooManyWaiting);
    return std::nullopt;
  }
  const uint64_t id = next_waiting_++;
  waiting_.emplace(id, Waiting{call, may_give_up, deadline});
  // The mailbox may outlive this queue; what is posted to it then never runs.
  return [this, id, mailbox = mailbox_](const absl::Status& status) {
    mailbox->Post([this, id, status] { ResumeCall(id, status); });
  };
}

void CallQueue::ResumeCall(uint64_t id, const absl::Status& status) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;  // Given up.
  WaitingCall* const call = found->second.call;
  waiting_.erase(found);
  call->Resume(status);
}

void CallQueue::GiveUpWaiting(std::chrono::system_clock::time_point until,
                              const absl::Status& status) {
  std::vector<WaitingCall*> given_up;
  for (auto i = waiting_.begin(); i != waiting_.end();) {
    const auto current = i++;
    if (!current->second.may_give_up || current->second.deadline > until) {
      continue;
    }
    given_up.push_back(current->second.call);
    waiting_.erase(current);
  }
  for (WaitingCall* call : given_up) {
    call->Resume(status);
  }
}

void CallQueue::GiveUp(WaitingCall* call, const absl::Status& status) {
  for (auto i = waiting_.begin(); i != waiting_.end(); ++i) {
    if (i->second.call != call || !i->second.may_give_up) continue;
    waiting_.erase(i);
    call->Resume(status);
    return;
  }
}

void CallQueue::Tick() {
  GiveUpWaiting(std::chrono::system_clock::now(),
                absl::DeadlineExceededError("the deadline has passed"));
  const absl::Time now = absl::Now();
  const std::vector<OpenStream*> streams(streams_.begin(), streams_.end());
  for (OpenStream* stream : streams) stream->Tick(now);
}

void CallQueue::Run() {
  PostDecisionCalls(*this);
  if (context_.gateway != nullptr) PostGatewayCalls(*this);
  if (serves_ == Serves::kEverything) {
    PostDescriptionCalls(*this);
    PostWatchCalls(*this);
    PostAdminCalls(*this);
    PostHealthCalls(*this);
    if (context_.serves_reflection) PostReflectionCalls(*this);
  }
  ticker_->Set();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    static_cast<QueueTag*>(tag)->Proceed(ok);
    do {
      TakeWhatIsReady();
      ReleaseHeld();
    } while (!held_.empty());
    if (is_stopping_) ShutDownIfOver();
  }
}

void CallQueue::ShutDownIfOver() {
  if (is_shut_down_ || calls_in_flight_ > 0 || !streams_.empty()) return;
  is_shut_down_ = true;
  ticker_->Stop();
  mailbox_->Close();
  queue_->Shutdown();
}

// Goes on with a drain as long as that costs no wait.
void CallQueue::TakeWhatIsReady() {
  if (IsAlone()) return;
  for (int events = 1; events < kMaxEventsPerDrain; ++events) {
    if (held_.empty() || is_ledger_full()) return;
    void* tag = nullptr;
    bool ok = false;
    if (queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)) !=
        grpc::CompletionQueue::GOT_EVENT) {
      return;
    }
    static_cast<QueueTag*>(tag)->Proceed(ok);
  }
}

void CallQueue::ReleaseHeld() {
  const absl::Status written =
      ledger_ == nullptr ? absl::OkStatus() : ledger_->Write();
  const size_t answers = std::exchange(answers_, 0);
  std::vector<HeldCall*> held;
  held.swap(held_);
  if (answers == 1) {
    ++lone_drains_;
  } else if (answers > 1) {
    lone_drains_ = 0;
  }
  const Corks corks(SocketsOf(held));
  for (HeldCall* call : held) call->Release(written);
}

// Nothing for a lone call, which shares its packet with no other.
std::vector<int> CallQueue::SocketsOf(
    const std::vector<HeldCall*>& calls) const {
  if (calls.size() < 2 || context_.sockets == nullptr) return {};
  std::vector<std::string> peers;
  peers.reserve(calls.size());
  for (const HeldCall* call : calls) peers.push_back(call->peer());
  return context_.sockets->Find(peers);
}

}  // namespace pdp::service

// The loops of unary calls.

#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>
#include <sys/prctl.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "tests/bench/grpcload/load.h"

namespace grpcload {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

// One call in flight, and then the next.
class Call {
 public:
  Call(Load& load, grpc::CompletionQueue& queue, size_t number)
      : load_(load), queue_(queue), stub_(load.stub(number)) {}

  // `due`: when it should have started.
  void Start(size_t request, Nanoseconds due) {
    reader_.reset();
    context_.emplace();
    load_.Prepare(*context_);
    payload_ = &load_.payload(request);
    answer_.Clear();
    due_ = due;
    started_ = Now();
    reader_ = stub_.PrepareUnaryCall(&*context_, load_.options().method,
                                     payload_->request, &queue_);
    reader_->StartCall();
    reader_->Finish(&answer_, &status_, this);
  }

  // `counted_at`: what decides whether it counts.
  void Count(Nanoseconds now, Nanoseconds counted_at) {
    if (!load_.measurement.Includes(counted_at)) return;
    Counts& counts = load_.counts;
    ++counts.done;
    counts.AddStatus(status_);
    if (!status_.ok()) return;
    if (!IsAsExpected(*payload_, answer_)) {
      ++counts.mismatches;
      return;
    }
    counts.latency.Record(now - due_);
    counts.send_lag.Record(started_ - due_);
  }

  void Cancel() {
    if (context_) context_->TryCancel();
  }
  Nanoseconds due() const { return due_; }

 private:
  Load& load_;
  grpc::CompletionQueue& queue_;
  grpc::GenericStub& stub_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader_;
  grpc::ByteBuffer answer_;
  grpc::Status status_;
  const Payload* payload_ = nullptr;
  Nanoseconds due_ = 0;
  Nanoseconds started_ = 0;
};

std::vector<std::unique_ptr<Call>> MakeCalls(Load& load,
                                             grpc::CompletionQueue& queue) {
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < load.options().concurrency; ++i) {
    calls.push_back(
        std::make_unique<Call>(load, queue, static_cast<size_t>(i)));
  }
  return calls;
}

void DrainQueue(grpc::CompletionQueue& queue) {
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace

void RunClosedLoop(Load& load) {
  grpc::CompletionQueue queue;
  const auto calls = MakeCalls(load, queue);
  size_t request = 0;
  for (const auto& call : calls) call->Start(request++, Now());
  size_t in_flight = calls.size();
  void* tag = nullptr;
  bool ok = false;
  while (in_flight > 0) {
    const auto got = queue.AsyncNext(
        &tag, &ok, std::chrono::system_clock::now() + kPatience);
    if (got != grpc::CompletionQueue::GOT_EVENT) break;
    auto* const call = static_cast<Call*>(tag);
    const Nanoseconds now = Now();
    call->Count(now, now);
    if (load.measurement.is_over.load(std::memory_order_relaxed)) {
      --in_flight;
    } else {
      call->Start(request++, Now());
    }
  }
  load.counts.unanswered += in_flight;
  for (const auto& call : calls) call->Cancel();
  DrainQueue(queue);
}

// One thread starts the calls on time, another takes the answers; a call that
// finds all others in flight waits, with its clock running.
void RunOpenLoop(Load& load) {
  grpc::CompletionQueue queue;
  const auto calls = MakeCalls(load, queue);
  std::mutex mutex;
  std::condition_variable is_idle;
  std::vector<Call*> idle;
  for (const auto& call : calls) idle.push_back(call.get());
  std::thread taker([&] {
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
      auto* const call = static_cast<Call*>(tag);
      call->Count(Now(), call->due());
      const std::lock_guard lock(mutex);
      idle.push_back(call);
      is_idle.notify_one();
    }
  });
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  const double gap = 1e9 / load.options().rate;
  auto due = static_cast<double>(Now());
  for (size_t request = 0; !load.measurement.is_over; ++request, due += gap) {
    const auto due_at = static_cast<Nanoseconds>(due);
    if (Now() < due_at) SleepUntil(due_at);
    std::unique_lock lock(mutex);
    if (!is_idle.wait_for(lock, kPatience, [&] { return !idle.empty(); })) {
      break;
    }
    Call* const call = idle.back();
    idle.pop_back();
    lock.unlock();
    call->Start(request, due_at);
  }
  {
    std::unique_lock lock(mutex);
    is_idle.wait_for(lock, kPatience,
                     [&] { return idle.size() == calls.size(); });
    load.counts.unanswered += calls.size() - idle.size();
  }
  for (const auto& call : calls) call->Cancel();
  queue.Shutdown();
  taker.join();
}

}  // namespace grpcload

// WatchRevisions.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/status_macros.h"
#include "pdp/service/call_gate.h"
#include "pdp/service/calls.h"
#include "pdp/service/stream_call.h"

namespace pdp::service {
namespace {

using v1::WatchRevisionsRequest;
using v1::WatchRevisionsResponse;

// One call: where it begins, then each change of what is watched, until the
// client leaves or the server drains.  What changes while a message is being
// written is gathered into the next.
class WatchCall final : public OpenStream {
 public:
  static void Post(CallQueue& queue) {
    auto* call = new WatchCall(queue);
    call->context_.AsyncNotifyWhenDone(call->done_.tag());
    queue.context().grpc.decisions.RequestWatchRevisions(
        &call->context_, &call->request_, &call->writer_, queue.queue(),
        queue.queue(), call->connected_.tag());
  }

  void Drain() override { Advance(); }

  void Tick(absl::Time now) override {
    if (!is_writing_ || is_cut_off_ ||
        now - write_began_ < queue_.context().unread_answers) {
      return;
    }
    is_cut_off_ = true;
    CutOff(queue_, context_, Method::kWatchRevisions, origin_);
  }

 private:
  using Operation = StreamOperation<WatchCall>;

  explicit WatchCall(CallQueue& queue) : queue_(queue), writer_(&context_) {}

  void OnConnected(bool ok) {
    if (!ok) {  // The server is shut down.
      delete this;
      return;
    }
    if (!queue_.is_draining()) Post(queue_);
    queue_.streams().insert(this);
    queue_.context().metrics.CallStarted(Method::kWatchRevisions);
    status_ = Begin();
    Advance();
  }

  absl::Status Begin() {
    const CallContext& context = queue_.context();
    CallAttempt attempt;
    PDP_RETURN_IF_ERROR(
        Admit(queue_, context_, Method::kWatchRevisions, attempt.origin));
    origin_ = attempt.origin;
    PDP_RETURN_IF_ERROR(context.decisions.CheckWatch(attempt, request_).status);
    if (queue_.context().watchers == nullptr ||
        !request_.GetReflection()->GetUnknownFields(request_).empty()) {
      return absl::UnimplementedError("this server cannot watch that");
    }
    // In this order: what changes after the revision is told.
    std::vector<std::string> members(request_.memberships().begin(),
                                     request_.memberships().end());
    auto watch = queue_.context().watchers->Add(
        std::move(members),
        queue_.Poster([self = std::weak_ptr<WatchCall*>(self_)] {
          if (const auto call = self.lock()) (*call)->Advance();
        }));
    if (!watch.ok()) return watch.status();
    watch_ = *std::move(watch);
    uint64_t revision = 0;
    CallOutcome outcome = queue_.context().decisions.CurrentRevision(revision);
    next_.emplace().set_revision(revision);
    return std::move(outcome.status);
  }

  void OnWritten(bool /*ok*/) {
    is_writing_ = false;
    Advance();
  }

  // The call has ended, by whomever.
  void OnDone(bool /*ok*/) {
    is_done_ = true;
    Advance();
  }

  void OnFinished(bool /*ok*/) {
    is_finished_ = true;
    Advance();
  }

  // Starts whatever can be started now; the call may be gone afterwards.
  void Advance() {
    if (is_writing_) return;
    if (is_finished_) {
      if (!is_done_) return;
      queue_.streams().erase(this);
      delete this;
      return;
    }
    if (is_finishing_) return;
    if (is_done_) {
      Finish(absl::CancelledError("the client left"));
    } else if (!status_.ok()) {
      Finish(status_);
    } else if (queue_.is_draining()) {
      Finish(StreamDrained());
    } else {
      WriteNext();
    }
  }

  void WriteNext() {
    if (!next_) TakeChanges();
    if (!next_) return;
    is_writing_ = true;
    write_began_ = absl::Now();
    writer_.Write(*std::exchange(next_, std::nullopt), written_.tag());
  }

  void TakeChanges() {
    std::optional<WatchedChanges> changes = watch_->Take();
    if (!changes) return;
    WatchRevisionsResponse& response = next_.emplace();
    response.set_revision(changes->revision);
    response.set_all_changed(changes->all);
    for (std::string& member : changes->members) {
      response.add_changed(std::move(member));
    }
  }

  void Finish(const absl::Status& status) {
    is_finishing_ = true;
    watch_.reset();
    queue_.context().metrics.CallEnded(Method::kWatchRevisions, status.code());
    writer_.Finish(ToGrpc(status), finished_.tag());
  }

  CallQueue& queue_;
  grpc::ServerContext context_;
  WatchRevisionsRequest request_;
  grpc::ServerAsyncWriter<WatchRevisionsResponse> writer_;
  Operation connected_{*this, &WatchCall::OnConnected};
  Operation written_{*this, &WatchCall::OnWritten};
  Operation done_{*this, &WatchCall::OnDone};
  Operation finished_{*this, &WatchCall::OnFinished};
  // Tells tasks that are posted whether the call still is.
  const std::shared_ptr<WatchCall*> self_ = std::make_shared<WatchCall*>(this);
  CallOrigin origin_;
  absl::Status status_;
  std::shared_ptr<RevisionWatchers::Watch> watch_;
  std::optional<WatchRevisionsResponse> next_;
  absl::Time write_began_;
  bool is_cut_off_ = false;
  bool is_writing_ = false;
  bool is_done_ = false;
  bool is_finishing_ = false;
  bool is_finished_ = false;
};

}  // namespace

void PostWatchCalls(CallQueue& queue) { WatchCall::Post(queue); }

}  // namespace pdp::service

#include "medplum_pdp/check_stream.h"

#include <grpcpp/support/client_callback.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "clients/cpp/core.h"
#include "clients/cpp/pending_checks.h"
#include "clients/cpp/status.h"
#include "medplum_pdp/client.h"
#include "pdp/base/mutex.h"

namespace medplum_pdp {
namespace {

absl::Duration Now() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// What the streams of a CheckStream, one after another, have in common.
struct StreamSettings {
  ClientCore& core;
  const absl::Duration timeout;
  const size_t max_in_flight;
};

void Answer(const StreamSettings& settings, const PendingCheck& check,
            Decision decision) {
  settings.core.Report("CheckStream", decision, Now() - check.sent_at,
                       /*retried=*/false);
  check.done(std::move(decision));
}

// One stream, from its opening to its end.  Keeps itself alive until then.
class Stream final : public grpc::ClientBidiReactor<v1::CheckStreamRequest,
                                                    v1::CheckStreamResponse>,
                     public std::enable_shared_from_this<Stream> {
 public:
  // `ended` is called last.
  Stream(const StreamSettings& settings, std::function<void()> ended)
      : settings_(settings), ended_(std::move(ended)) {}

  void Open(const CallMetadata& metadata) {
    self_ = shared_from_this();
    SetMetadata(metadata, context_.get());
    settings_.core.stub().async()->CheckStream(&context_.get(), this);
    AddHold();  // Until is_over_: writes begin at any time.
    StartRead(&response_);
    StartCall();
  }

  enum class Sending { kSent, kFull, kOver };
  // Takes both where it is kSent.
  Sending Send(v1::CheckRequest& request, std::function<void(Decision)>& done) {
    pdp::MutexLock lock(mutex_);
    if (is_over_) return Sending::kOver;
    if (pending_.size() >= settings_.max_in_flight) return Sending::kFull;
    v1::CheckStreamRequest& message = unsent_.emplace_back();
    message.set_id(pending_.Add({.done = std::move(done), .sent_at = Now()}));
    *message.mutable_check() = std::move(request);
    if (unsent_.size() == 1) StartWrite(&unsent_.front());
    return Sending::kSent;
  }

  // Ends what has waited too long, and the stream, where it has not moved
  // since.
  void Expire() {
    std::vector<PendingCheck> expired;
    const absl::Duration until = Now() - settings_.timeout;
    bool is_stuck = false;
    {
      pdp::MutexLock lock(mutex_);
      expired = pending_.TakeSentUntil(until);
      is_stuck = !expired.empty() && heard_at_ < expired.back().sent_at;
      if (is_stuck) End();
    }
    if (is_stuck) Cancel();
    for (const PendingCheck& check : expired) {
      Answer(settings_, check,
             Decision(absl::DeadlineExceededError(
                 "the server did not answer the check in time")));
    }
  }

  // When Expire has something to do; nothing where no check is open.
  std::optional<absl::Duration> expires_at() {
    pdp::MutexLock lock(mutex_);
    const auto first = pending_.first_sent_at();
    if (!first) return std::nullopt;
    return *first + settings_.timeout;
  }

  void Cancel() { context_.Cancel(); }

  bool is_over() {
    pdp::MutexLock lock(mutex_);
    return is_over_;
  }

 private:
  void OnWriteDone(bool ok) override {
    pdp::MutexLock lock(mutex_);
    unsent_.pop_front();
    if (!ok) return End();
    if (!is_over_ && !unsent_.empty()) StartWrite(&unsent_.front());
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      pdp::MutexLock lock(mutex_);
      return End();
    }
    if (!Take()) return Cancel();
    response_.Clear();
    StartRead(&response_);
  }

  // False: it answers what was never asked.
  bool Take() {
    std::optional<PendingCheck> check;
    {
      pdp::MutexLock lock(mutex_);
      if (!pending_.WasSent(response_.id())) {
        fault_ = absl::InternalError(
            "the answer is not understood: it is to no check that was sent");
        End();
        return false;
      }
      heard_at_ = Now();
      check = pending_.Take(response_.id());
    }
    if (!check) return true;  // Too late.
    Answer(settings_, *check, TakeDecision());
    return true;
  }

  Decision TakeDecision() {
    if (response_.has_error()) return Decision(ItemStatus(response_.error()));
    return Decision::From(std::move(*response_.mutable_decision()));
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);
    context_.Release();
    std::vector<PendingCheck> open;
    absl::Status why = FromGrpc(status.error_code(), status.error_message());
    {
      pdp::MutexLock lock(mutex_);
      End();
      open = pending_.TakeAll();
      if (!fault_.ok()) why = fault_;
    }
    if (why.ok()) why = absl::UnavailableError("the server ended the stream");
    for (const PendingCheck& check : open) {
      Answer(settings_, check, Decision(why));
    }
    ended_();
  }

  // Nothing is written from now on.
  void End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_over_) return;
    is_over_ = true;
    RemoveHold();
  }

  const StreamSettings& settings_;
  const std::function<void()> ended_;
  std::shared_ptr<Stream> self_;
  CallContext context_;
  v1::CheckStreamResponse response_;

  pdp::Mutex mutex_;
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  PendingChecks pending_ ABSL_GUARDED_BY(mutex_);
  // The first of them is being written.
  std::deque<v1::CheckStreamRequest> unsent_ ABSL_GUARDED_BY(mutex_);
  absl::Duration heard_at_ ABSL_GUARDED_BY(mutex_);  // As Now.
  absl::Status fault_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

class CheckStream::Impl {
 public:
  Impl(std::shared_ptr<ClientCore> core, const CheckStreamOptions& options)
      : core_(std::move(core)),
        options_(options),
        settings_{.core = *core_,
                  .timeout = options.timeout.value_or(core_->options().timeout),
                  .max_in_flight = options.max_in_flight} {}

  ~Impl() {
    Timer::Id expiry = 0;
    {
      pdp::MutexLock lock(mutex_);
      is_closed_ = true;
      expiry = expiry_;
    }
    core_->timer().CancelAndWait(expiry);
    streams_.CloseAndWait();
  }

  void Check(v1::CheckRequest request, std::function<void(Decision)> done) {
    absl::Status status = TrySend(request, done);
    // The stream may have ended just now, and another one can be opened.
    if (absl::IsUnavailable(status)) status = TrySend(request, done);
    if (status.ok()) {
      pdp::MutexLock lock(mutex_);
      if (expiry_ == 0) ScheduleExpiry();
      return;
    }
    Answer(settings_, {.done = std::move(done), .sent_at = Now()},
           Decision(std::move(status)));
  }

 private:
  // Takes both where it is OK.
  absl::Status TrySend(v1::CheckRequest& request,
                       std::function<void(Decision)>& done) {
    // What the server does not take would end the stream for all.
    if (request.ByteSizeLong() > core_->options().max_batch_bytes) {
      return absl::ResourceExhaustedError("the request is too large");
    }
    std::shared_ptr<Stream> stream;
    const absl::Status status = Current(stream);
    if (!status.ok()) return status;
    switch (stream->Send(request, done)) {
      case Stream::Sending::kSent:
        return absl::OkStatus();
      case Stream::Sending::kFull:
        return absl::ResourceExhaustedError("too many checks are in flight");
      case Stream::Sending::kOver:
        break;
    }
    return absl::UnavailableError("the stream is broken");
  }

  // The stream that is open, or a new one.
  absl::Status Current(std::shared_ptr<Stream>& stream) {
    {
      pdp::MutexLock lock(mutex_);
      if (current_ != nullptr && !current_->is_over()) {
        stream = current_;
        return absl::OkStatus();
      }
    }
    const auto metadata =
        core_->MakeMetadata(options_.traceparent, options_.request_id);
    if (!metadata.ok()) return metadata.status();
    pdp::MutexLock lock(mutex_);
    if (current_ == nullptr || current_->is_over()) {
      const absl::Status status = Open(*metadata);
      if (!status.ok()) return status;
    }
    stream = current_;
    return absl::OkStatus();
  }

  absl::Status Open(const CallMetadata& metadata)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto id = std::make_shared<OpenCalls::Id>();
    const auto stream = std::make_shared<Stream>(
        settings_, [this, id] { streams_.Remove(*id); });
    const auto added = streams_.Add([stream] { stream->Cancel(); });
    if (!added) return absl::CancelledError("the stream was closed");
    *id = *added;
    stream->Open(metadata);
    current_ = stream;
    return absl::OkStatus();
  }

  void ScheduleExpiry() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    expiry_ = 0;
    const auto at = current_->expires_at();
    if (!at || is_closed_) return;
    expiry_ = core_->timer().After(*at - Now(), [this] { Expire(); });
  }

  void Expire() {
    std::shared_ptr<Stream> stream;
    {
      pdp::MutexLock lock(mutex_);
      stream = current_;
    }
    stream->Expire();
    pdp::MutexLock lock(mutex_);
    ScheduleExpiry();
  }

  const std::shared_ptr<ClientCore> core_;
  const CheckStreamOptions options_;
  const StreamSettings settings_;
  OpenCalls streams_;

  pdp::Mutex mutex_;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Stream> current_ ABSL_GUARDED_BY(mutex_);
  // 0: Expire is neither scheduled nor running.
  Timer::Id expiry_ ABSL_GUARDED_BY(mutex_) = 0;
};

CheckStream::CheckStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

CheckStream::~CheckStream() = default;

void CheckStream::Check(v1::CheckRequest request,
                        std::function<void(Decision)> done) {
  impl_->Check(std::move(request), std::move(done));
}

std::unique_ptr<CheckStream> Client::OpenCheckStream() {
  return OpenCheckStream(CheckStreamOptions());
}

std::unique_ptr<CheckStream> Client::OpenCheckStream(
    const CheckStreamOptions& options) {
  return std::unique_ptr<CheckStream>(
      new CheckStream(std::make_unique<CheckStream::Impl>(core_, options)));
}

}  // namespace medplum_pdp

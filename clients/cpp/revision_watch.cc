#include "medplum_pdp/revision_watch.h"

#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/random/random.h"
#include "clients/cpp/core.h"
#include "clients/cpp/status.h"
#include "medplum_pdp/client.h"
#include "pdp/base/mutex.h"

namespace medplum_pdp {
namespace {

constexpr absl::Duration kFirstWait = absl::Milliseconds(100);
constexpr absl::Duration kLastWait = absl::Seconds(10);
// Until the first message, which the server sends at once.
constexpr absl::Duration kOpeningTimeout = absl::Seconds(10);

// One stream, from its opening to its end.  Keeps itself alive until then.
class WatchStream final
    : public grpc::ClientReadReactor<v1::WatchRevisionsResponse>,
      public std::enable_shared_from_this<WatchStream> {
 public:
  using OnChange = std::function<void(const v1::WatchRevisionsResponse&)>;
  using OnEnd = std::function<void(const absl::Status&)>;

  WatchStream(OnChange on_change, OnEnd on_end)
      : on_change_(std::move(on_change)), on_end_(std::move(on_end)) {}

  void Open(ClientCore& core, const v1::WatchRevisionsRequest& request,
            const CallMetadata& metadata) {
    self_ = shared_from_this();
    request_ = request;
    SetMetadata(metadata, context_.get());
    core.stub().async()->WatchRevisions(&context_.get(), &request_, this);
    StartRead(&response_);
    StartCall();
    core.timer().After(kOpeningTimeout, [self = shared_from_this()] {
      if (!self->is_heard_) self->Cancel();
    });
  }

  void Cancel() { context_.Cancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!is_heard_.exchange(true)) response_.set_all_changed(true);
    on_change_(response_);
    response_.Clear();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);
    context_.Release();
    const absl::Status why =
        FromGrpc(status.error_code(), status.error_message());
    on_end_(why.ok() ? absl::UnavailableError("the server ended the stream")
                     : why);
  }

  const OnChange on_change_;
  const OnEnd on_end_;
  std::shared_ptr<WatchStream> self_;
  CallContext context_;
  v1::WatchRevisionsRequest request_;
  v1::WatchRevisionsResponse response_;
  std::atomic<bool> is_heard_{false};
};

}  // namespace

class RevisionWatch::Impl {
 public:
  Impl(std::shared_ptr<ClientCore> core, RevisionWatchOptions options)
      : core_(std::move(core)), options_(std::move(options)) {
    for (const std::string& membership : options_.memberships) {
      request_.add_memberships(membership);
    }
    Open();
  }

  ~Impl() {
    Timer::Id reopening = 0;
    {
      pdp::MutexLock lock(mutex_);
      is_closed_ = true;
      reopening = reopening_;
    }
    core_->timer().CancelAndWait(reopening);
    streams_.CloseAndWait();
  }

 private:
  void Open() {
    const auto metadata = core_->MakeMetadata("", "");
    if (!metadata.ok()) return Broken(metadata.status());
    const auto id = std::make_shared<OpenCalls::Id>();
    const auto stream = std::make_shared<WatchStream>(
        [this](const v1::WatchRevisionsResponse& message) { Heard(message); },
        [this, id](const absl::Status& status) {
          Broken(status);
          streams_.Remove(*id);
        });
    const auto added = streams_.Add([stream] { stream->Cancel(); });
    if (!added) return;
    *id = *added;
    stream->Open(*core_, request_, *metadata);
  }

  void Heard(const v1::WatchRevisionsResponse& message) {
    {
      pdp::MutexLock lock(mutex_);
      wait_ = kFirstWait;
    }
    if (options_.on_change) options_.on_change(message);
  }

  void Broken(const absl::Status& status) {
    {
      pdp::MutexLock lock(mutex_);
      if (is_closed_) return;
    }
    core_->Report({.method = "WatchRevisions",
                   .effect = {},
                   .reason = {},
                   .status = status,
                   .latency = {}});
    if (options_.on_broken) options_.on_broken(status);
    absl::InsecureBitGen random;
    pdp::MutexLock lock(mutex_);
    if (is_closed_) return;
    // Half of it at random, so that not all clients come back at once.
    const absl::Duration wait = wait_ * absl::Uniform(random, 0.5, 1.0);
    wait_ = std::min(2 * wait_, kLastWait);
    reopening_ = core_->timer().After(wait, [this] { Open(); });
  }

  const std::shared_ptr<ClientCore> core_;
  const RevisionWatchOptions options_;
  v1::WatchRevisionsRequest request_;
  OpenCalls streams_;

  pdp::Mutex mutex_;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration wait_ ABSL_GUARDED_BY(mutex_) = kFirstWait;
  Timer::Id reopening_ ABSL_GUARDED_BY(mutex_) = 0;
};

RevisionWatch::RevisionWatch(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

RevisionWatch::~RevisionWatch() = default;

std::unique_ptr<RevisionWatch> Client::WatchRevisions(
    RevisionWatchOptions options) {
  return std::unique_ptr<RevisionWatch>(new RevisionWatch(
      std::make_unique<RevisionWatch::Impl>(core_, std::move(options))));
}

}  // namespace medplum_pdp

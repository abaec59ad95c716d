#include "clients/cpp/filter_call.h"

#include <grpcpp/support/client_callback.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "clients/cpp/filter_check.h"
#include "clients/cpp/status.h"

namespace medplum_pdp {
namespace {

// Keeps itself alive until it has ended.
class FilterCall final
    : public grpc::ClientBidiReactor<v1::FilterResourcesRequest,
                                     v1::FilterResourcesResponse>,
      public std::enable_shared_from_this<FilterCall> {
 public:
  using Done = std::function<void(absl::StatusOr<FilteredResources>)>;

  FilterCall(ClientCore& core, std::vector<v1::FilterResourcesRequest> messages,
             const CallTimes& times, Done done)
      : core_(core),
        messages_(std::move(messages)),
        times_(times),
        done_(std::move(done)) {}

  void Start(const CallOptions& options) {
    const auto id = core_.calls().Add(
        [self = shared_from_this()] { self->context_.Cancel(); });
    if (!id) return done_(absl::CancelledError("the client was closed"));
    id_ = *id;
    const auto metadata =
        core_.MakeMetadata(options.traceparent, options.request_id);
    if (!metadata.ok()) return Finish(metadata.status());
    SetMetadata(*metadata, context_.get());
    SetDeadline(times_.left(), context_.get());
    self_ = shared_from_this();
    core_.stub().async()->FilterResources(&context_.get(), this);
    StartRead(&response_);
    Write();
    StartCall();
  }

  void OnWriteDone(bool ok) override {
    if (ok) Write();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    check_.Take(std::move(response_));
    response_.Clear();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);
    context_.Release();
    if (status.ok()) return Finish(std::move(check_).Finish());
    Finish(FromGrpc(status.error_code(), status.error_message()));
  }

 private:
  void Write() {
    if (next_ == messages_.size()) return StartWritesDone();
    StartWrite(&messages_[next_++]);
  }

  void Finish(absl::StatusOr<FilteredResources> result) {
    core_.Report({.method = "FilterResources",
                  .effect = {},
                  .reason = {},
                  .status = result.status(),
                  .latency = times_.passed()});
    done_(std::move(result));
    done_ = nullptr;
    core_.calls().Remove(id_);
  }

  ClientCore& core_;
  const std::vector<v1::FilterResourcesRequest> messages_;
  const CallTimes times_;
  Done done_;
  OpenCalls::Id id_ = 0;
  std::shared_ptr<FilterCall> self_;
  CallContext context_;
  size_t next_ = 0;  // Of those to be written.
  v1::FilterResourcesResponse response_;
  FilterCheck check_;
};

}  // namespace

void StartFilterCall(
    ClientCore& core, std::vector<v1::FilterResourcesRequest> messages,
    const CallOptions& options,
    std::function<void(absl::StatusOr<FilteredResources>)> done) {
  std::make_shared<FilterCall>(core, std::move(messages), core.Begin(options),
                               std::move(done))
      ->Start(options);
}

}  // namespace medplum_pdp

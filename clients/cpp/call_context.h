// What a call shows of who makes it, and how long it may take.  Include only
// where calls are made.

#ifndef PDP_CLIENTS_CPP_CALL_CONTEXT_H_
#define PDP_CLIENTS_CPP_CALL_CONTEXT_H_

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/mutex.h"

namespace medplum_pdp {

struct CallMetadata {
  std::string token;
  std::string traceparent;
  std::string request_id;
};

// Leaves out what is empty.
// REQUIRES: IsHeaderValue of each.
void SetMetadata(const CallMetadata& metadata, grpc::ClientContext& context);

void SetDeadline(absl::Duration left, grpc::ClientContext& context);

// Whether `text` can be the value of a header: gRPC aborts where it cannot.
bool IsHeaderValue(std::string_view text);

// What `provider` says, where it can be sent; empty without a provider.
// InvalidArgument and others, none of them a denial: there is no token.
absl::StatusOr<std::string> AskForToken(
    const std::function<absl::StatusOr<std::string>()>& provider);

// The context of one attempt, which others may cancel at any time.
//
// It holds the channel, and gRPC 1.51 must not lose a channel on a thread of
// its own, where it would wait for that very thread: a call lets go of its
// context before it says that it has ended.  Thread-safe.
class CallContext {
 public:
  CallContext() : context_(std::make_unique<grpc::ClientContext>()) {}

  // REQUIRES: not released.
  grpc::ClientContext& get() { return *context_; }

  void Cancel() {
    pdp::MutexLock lock(mutex_);
    if (context_ != nullptr) context_->TryCancel();
  }
  void Release() {
    pdp::MutexLock lock(mutex_);
    context_ = nullptr;
  }

 private:
  pdp::Mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_;  // Changed under mutex_.
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_CALL_CONTEXT_H_

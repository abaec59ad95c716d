#include "clients/cpp/core.h"

#include <algorithm>
#include <utility>

#include "clients/cpp/channel.h"
#include "pdp/base/status_macros.h"

namespace medplum_pdp {
namespace {

constexpr absl::Duration kLongestCall = absl::Hours(1);
// A longer header of the caller's is not carried on.
constexpr size_t kMaxHeaderBytes = 256;

std::string HeaderOrNothing(const std::string& text) {
  return text.size() <= kMaxHeaderBytes && IsHeaderValue(text) ? text : "";
}

}  // namespace

CallTimes::CallTimes(absl::Duration timeout)
    : begin_(std::chrono::steady_clock::now()),
      timeout_(std::min(timeout, kLongestCall)) {}

absl::Duration CallTimes::passed() const {
  return absl::FromChrono(std::chrono::steady_clock::now() - begin_);
}

absl::StatusOr<std::shared_ptr<ClientCore>> ClientCore::Create(
    const ClientOptions& options) {
  if (options.timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("`timeout` is not positive");
  }
  if (options.max_batch_items == 0 || options.max_batch_bytes == 0) {
    return absl::InvalidArgumentError(
        "`max_batch_items` or `max_batch_bytes` is 0");
  }
  PDP_ASSIGN_OR_RETURN(const auto channel, MakeChannel(options));
  return std::shared_ptr<ClientCore>(new ClientCore(options, channel));
}

ClientCore::ClientCore(const ClientOptions& options,
                       const std::shared_ptr<grpc::Channel>& channel)
    : options_(options), stub_(v1::PolicyDecisionPoint::NewStub(channel)) {}

CallTimes ClientCore::Begin(const CallOptions& options) const {
  return CallTimes(options.timeout.value_or(options_.timeout));
}

absl::StatusOr<CallMetadata> ClientCore::MakeMetadata(
    const std::string& traceparent, const std::string& request_id) {
  PDP_ASSIGN_OR_RETURN(std::string token, AskForToken(options_.token));
  return CallMetadata{.token = std::move(token),
                      .traceparent = HeaderOrNothing(traceparent),
                      .request_id = HeaderOrNothing(request_id)};
}

void ClientCore::Report(const CallReport& report) const noexcept {
  if (!options_.on_call) return;
  try {
    options_.on_call(report);
  } catch (...) {
  }
}

void ClientCore::Report(std::string_view method, const Decision& decision,
                        absl::Duration latency, bool retried) const noexcept {
  if (!options_.on_call) return;
  Report({.method = method,
          .effect = decision.effect(),
          .reason = decision.reason(),
          .status = decision.status(),
          .latency = latency,
          .retried = retried});
}

}  // namespace medplum_pdp

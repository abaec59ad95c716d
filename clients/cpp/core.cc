#include "clients/cpp/core.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "clients/cpp/channel.h"
#include "clients/cpp/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/secret_file.h"

namespace medplum_pdp {
namespace {

constexpr absl::Duration kLongestCall = absl::Hours(1);
// A longer header of the caller's is not carried on.
constexpr size_t kMaxHeaderBytes = 256;

// Whether `text` can be the value of a header.  gRPC aborts where it cannot.
bool IsHeaderValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

std::string HeaderOrNothing(const std::string& text) {
  return text.size() <= kMaxHeaderBytes && IsHeaderValue(text) ? text : "";
}

}  // namespace

std::function<absl::StatusOr<std::string>()> TokenFile(std::string path) {
  return
      [path = std::move(path)] { return pdp::medplum::ReadSecretFile(path); };
}

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
  CallMetadata metadata{.token = {},
                        .traceparent = HeaderOrNothing(traceparent),
                        .request_id = HeaderOrNothing(request_id)};
  if (!options_.token) return metadata;
  absl::StatusOr<std::string> token;
  try {
    token = options_.token();
  } catch (const std::exception&) {
    token = absl::InternalError("the token provider has thrown");
  }
  if (!token.ok()) return AsNoDecision(token.status());
  if (token->empty() || !IsHeaderValue(*token)) {
    return absl::InvalidArgumentError(
        "the token is empty, or no text that a header can have");
  }
  metadata.token = *std::move(token);
  return metadata;
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

void SetMetadata(const CallMetadata& metadata, grpc::ClientContext& context) {
  if (!metadata.token.empty()) {
    context.AddMetadata("authorization",
                        pdp::StrCat("Bearer ", metadata.token));
  }
  if (!metadata.traceparent.empty()) {
    context.AddMetadata("traceparent", metadata.traceparent);
  }
  if (!metadata.request_id.empty()) {
    context.AddMetadata("x-request-id", metadata.request_id);
  }
}

void SetDeadline(absl::Duration left, grpc::ClientContext& context) {
  context.set_deadline(gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC),
      gpr_time_from_nanos(absl::ToInt64Nanoseconds(left), GPR_TIMESPAN)));
}

}  // namespace medplum_pdp

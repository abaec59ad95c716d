#include "clients/cpp/call_context.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "clients/cpp/status.h"
#include "medplum_pdp/options.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/secret_file.h"

namespace medplum_pdp {

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

bool IsHeaderValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

absl::StatusOr<std::string> AskForToken(
    const std::function<absl::StatusOr<std::string>()>& provider) {
  if (!provider) return std::string();
  absl::StatusOr<std::string> token;
  try {
    token = provider();
  } catch (...) {
    return absl::InternalError("the token provider has thrown");
  }
  if (!token.ok()) return AsNoDecision(token.status());
  if (token->empty() || !IsHeaderValue(*token)) {
    return absl::InvalidArgumentError(
        "the token is empty, or no text that a header can have");
  }
  return token;
}

std::function<absl::StatusOr<std::string>()> TokenFile(std::string path) {
  return [path = std::move(path)]() -> absl::StatusOr<std::string> {
    PDP_ASSIGN_OR_RETURN(std::string token, pdp::medplum::ReadSecretFile(path));
    token.resize(std::min(token.size(), token.find_first_of("\r\n")));
    return token;
  };
}

}  // namespace medplum_pdp

#include "pdp/service/call_gate.h"

#include <grpcpp/server_context.h>

#include <string>

#include "absl/time/clock.h"
#include "pdp/base/log.h"
#include "pdp/base/log_limiter.h"
#include "pdp/base/strings.h"
#include "pdp/service/call_queue.h"
#include "pdp/service/caller_rules.h"
#include "pdp/service/callers.h"

namespace pdp::service {
namespace {

constexpr int kLinesPerSecond = 5;

// Without the port: a client has another with each connection.
std::string_view HostOf(std::string_view peer) {
  return peer.substr(0, peer.rfind(':'));
}

absl::Status TurnAway(const CallContext& context, Method method,
                      std::string_view peer, const Caller* caller,
                      Rejection rejection, absl::Status status) {
  context.metrics.CountRejection(rejection);
  static LogLimiter limiter(kLinesPerSecond);
  if (const auto left_out = limiter.Allow(absl::Now())) {
    Log(Severity::kWarning, "call_turned_away",
        {{"method", MethodName(method)},
         {"peer", HostOf(peer)},
         {"caller", caller == nullptr ? std::string_view()
                                      : std::string_view(caller->name)},
         {"reason", RejectionName(rejection)},
         {"lines_left_out", *left_out}});
  }
  return status;
}

// False where there are several: readers differ in which of them they take.
bool FindAuthorization(const grpc::ServerContext& call,
                       std::optional<std::string_view>& authorization) {
  const auto& metadata = call.client_metadata();
  const auto [begin, end] = metadata.equal_range("authorization");
  if (begin == end) return true;
  authorization = {begin->second.data(), begin->second.size()};
  return std::next(begin) == end;
}

}  // namespace

absl::Status Admit(const CallContext& context, const grpc::ServerContext& call,
                   Method method, const Caller*& caller) {
  caller = nullptr;
  if (IsOpenToAll(method)) return absl::OkStatus();
  const std::string peer = call.peer();
  CallCredentials credentials{.peer = peer};
  Callers::Found found{.rejection = Rejection::kUnknownCredentials};
  if (FindAuthorization(call, credentials.authorization)) {
    found = context.callers.Find(credentials);
  }
  if (found.caller == nullptr) {
    const bool has_none = found.rejection == Rejection::kNoCredentials;
    return TurnAway(
        context, method, peer, nullptr, found.rejection,
        absl::UnauthenticatedError(
            has_none ? "the calling service did not say who it is; send "
                       "`authorization: Bearer TOKEN`"
                     : "the credentials of the calling service are not known "
                       "here"));
  }
  if (absl::Status status = CheckMethod(*found.caller, method); !status.ok()) {
    return TurnAway(context, method, peer, found.caller,
                    Rejection::kNoPermission, std::move(status));
  }
  caller = found.caller;
  return absl::OkStatus();
}

}  // namespace pdp::service

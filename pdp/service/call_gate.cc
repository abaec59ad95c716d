#include "pdp/service/call_gate.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

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

absl::Status TurnAway(Metrics& metrics, Method method, std::string_view peer,
                      const CallOrigin& origin, Rejection rejection,
                      absl::Status status) {
  metrics.CountRejection(rejection);
  static LogLimiter limiter(kLinesPerSecond);
  if (const auto left_out = limiter.Allow(absl::Now())) {
    Log(Severity::kWarning, "call_turned_away",
        {{"method", MethodName(method)},
         {"peer", HostOf(peer)},
         {"caller", origin.caller == nullptr
                        ? std::string_view()
                        : std::string_view(origin.caller->name)},
         {"reason", RejectionName(rejection)},
         {"request_id", origin.trace.request_id},
         {"traceparent", origin.trace.traceparent},
         {"lines_left_out", *left_out}});
  }
  return status;
}

// False where there are several: readers differ in which of them they take.
bool FindHeader(const grpc::ServerContext& call, const char* name,
                std::optional<std::string_view>& value) {
  const auto [begin, end] = call.client_metadata().equal_range(name);
  if (begin == end) return true;
  value = {begin->second.data(), begin->second.size()};
  return std::next(begin) == end;
}

std::string_view OnlyHeader(const grpc::ServerContext& call, const char* name) {
  std::optional<std::string_view> value;
  return FindHeader(call, name, value) && value ? *value : std::string_view();
}

TraceContext TraceOf(const grpc::ServerContext& call) {
  return {.traceparent = AsTraceparent(OnlyHeader(call, "traceparent")),
          .request_id = AsRequestId(OnlyHeader(call, "x-request-id"))};
}

// What the connection proves: names of a certificate that was verified.
void AddCertificate(const grpc::AuthContext& connection,
                    CallCredentials& credentials) {
  credentials.has_certificate = connection.IsPeerAuthenticated();
  if (!credentials.has_certificate) return;
  // Of their whole length: a name with a NUL in it is another name.
  for (const auto& uri :
       connection.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
    credentials.uris.emplace_back(uri.data(), uri.size());
  }
  for (const auto& name :
       connection.FindPropertyValues(GRPC_PEER_DNS_PROPERTY_NAME)) {
    credentials.dns_names.emplace_back(name.data(), name.size());
  }
}

absl::Status Unidentified(Rejection rejection) {
  switch (rejection) {
    case Rejection::kNoCredentials:
      return absl::UnauthenticatedError(
          "the calling service did not say who it is; send `authorization: "
          "Bearer TOKEN`");
    case Rejection::kKeysUnavailable:
      return absl::UnavailableError(
          "the keys that the calling service's token is checked by are being "
          "fetched; try again");
    default:
      return absl::UnauthenticatedError(
          "the credentials of the calling service are not known here");
  }
}

// Whether there is room for it, and somebody waits for the answer.
absl::Status CheckLoad(const CallQueue& queue, const grpc::ServerContext& call,
                       Rejection& rejection) {
  if (queue.has_too_many_calls()) {
    rejection = Rejection::kTooManyCalls;
    return absl::ResourceExhaustedError(
        "too many calls are in flight; try again later");
  }
  if (queue.has_too_many_streams()) {
    rejection = Rejection::kTooManyStreams;
    return absl::ResourceExhaustedError(
        "too many streams are open; close some, or try again later");
  }
  if (call.deadline() <= std::chrono::system_clock::now()) {
    rejection = Rejection::kDeadlinePassed;
    return absl::DeadlineExceededError(
        "the deadline had passed before the call was looked at");
  }
  return absl::OkStatus();
}

absl::Status TakeCall(const Callers& callers, Metrics& metrics, Method method,
                      const CallOrigin& origin) {
  const Caller* const caller = origin.caller;
  if (caller == nullptr || callers.TakeCall(*caller)) return absl::OkStatus();
  return TurnAway(metrics, method, "", origin, Rejection::kCallerRate,
                  absl::ResourceExhaustedError(StrCat(
                      "the caller `", caller->name,
                      "` calls more often than limits.caller-calls-per-second "
                      "allows; try again in a second")));
}

}  // namespace

absl::Status Admit(const CallQueue& queue, const grpc::ServerContext& call,
                   Method method, CallOrigin& origin) {
  const CallContext& context = queue.context();
  origin = {};
  // Whoever watches over the server is to see it also when it is busy.
  if (IsOpenToAll(method)) return absl::OkStatus();
  origin.trace = TraceOf(call);
  Rejection rejection{};
  if (absl::Status status = CheckLoad(queue, call, rejection); !status.ok()) {
    return TurnAway(context.metrics, method, call.peer(), origin, rejection,
                    std::move(status));
  }
  const std::string peer = call.peer();
  CallCredentials credentials{.peer = peer};
  std::shared_ptr<const grpc::AuthContext> connection;  // Text points into it.
  if (context.callers.asks_for_certificates()) {
    connection = call.auth_context();
    AddCertificate(*connection, credentials);
  }
  const bool is_clear =
      FindHeader(call, "authorization", credentials.authorization);
  return AdmitCaller(context.callers, context.metrics,
                     is_clear ? &credentials : nullptr, peer, method, origin);
}

absl::Status AdmitCaller(const Callers& callers, Metrics& metrics,
                         const CallCredentials* credentials,
                         std::string_view peer, Method method,
                         CallOrigin& origin) {
  Callers::Found found{.rejection = Rejection::kUnknownCredentials};
  if (credentials != nullptr) found = callers.Find(*credentials);
  if (found.caller == nullptr) {
    return TurnAway(metrics, method, peer, origin, found.rejection,
                    Unidentified(found.rejection));
  }
  origin.caller = found.caller;
  if (absl::Status status = CheckMethod(*found.caller, method); !status.ok()) {
    return TurnAway(metrics, method, peer, origin, Rejection::kNoPermission,
                    std::move(status));
  }
  return TakeCall(callers, metrics, method, origin);
}

absl::Status AdmitMessage(const CallQueue& queue, Method method,
                          const CallOrigin& origin) {
  const CallContext& context = queue.context();
  return TakeCall(context.callers, context.metrics, method, origin);
}

void CutOff(const CallQueue& queue, grpc::ServerContext& call, Method method,
            const CallOrigin& origin) {
  TurnAway(queue.context().metrics, method, call.peer(), origin,
           Rejection::kSlowReader, absl::OkStatus())
      .IgnoreError();
  call.TryCancel();
}

}  // namespace pdp::service

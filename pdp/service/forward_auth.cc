#include "pdp/service/forward_auth.h"

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/call_gate.h"
#include "pdp/service/call_retry.h"
#include "pdp/service/trace_context.h"

namespace pdp::service {
namespace {

// The headers that hold the client's method and target.
struct RequestHeaders {
  const char* method;
  const char* target;
};

RequestHeaders NamesOf(ForwardAuthHeaders headers) {
  if (headers == ForwardAuthHeaders::kForwarded) {
    return {"x-forwarded-method", "x-forwarded-uri"};
  }
  return {"x-original-method", "x-original-uri"};
}

bool IsNamed(const std::string& header, const char* name) {
  return absl::EqualsIgnoreCase(header, name);
}

// False where it is there twice.
bool FindOnly(const HttpRequest& question, const char* name,
              std::optional<std::string_view>& value) {
  for (const auto& [header, text] : question.headers) {
    if (!IsNamed(header, name)) continue;
    if (value) return false;
    value = text;
  }
  return true;
}

// Waits until what is missing has been got, or `deadline`.
absl::Status Wait(const FactSources& sources, CallOutcome outcome,
                  std::chrono::steady_clock::time_point deadline,
                  CallRetry& retry) {
  const auto promise = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> done = promise->get_future();
  retry.Gather(
      sources, std::move(outcome),
      [promise](const absl::Status& status) { promise->set_value(status); });
  if (done.wait_until(deadline) != std::future_status::ready) {
    return absl::DeadlineExceededError("what is needed has not come in time");
  }
  return done.get();
}

HttpResponse ToResponse(const GatewayAnswer& answer) {
  HttpResponse response{
      .status = answer.is_permitted ? 200 : answer.http_status,
      .content_type = "application/json",
      .body = answer.Body(),
      .headers = answer.headers};
  if (answer.is_permitted) return response;
  if (!answer.decision_id.empty()) {
    response.headers.emplace_back(kDecisionIdHeader, answer.decision_id);
  }
  if (answer.http_status == 401) {
    response.headers.emplace_back("www-authenticate", "Bearer");
  }
  return response;
}

}  // namespace

ForwardAuth::ForwardAuth(const Gateway& gateway, const Callers& callers,
                         Metrics& metrics, const FactSources& sources,
                         const Audit& audit, const ForwardAuthOptions& options)
    : gateway_(gateway),
      callers_(callers),
      metrics_(metrics),
      sources_(sources),
      ledgers_(audit, metrics),
      options_(options) {}

HttpResponse ForwardAuth::Answer(const HttpRequest& question) {
  const auto begin = std::chrono::steady_clock::now();
  metrics_.CallStarted(Method::kForwardAuth);
  CallOrigin origin;
  gateway::HttpRequest request;
  GatewayAnswer answer;
  absl::Status status = Admit(question, origin);
  if (status.ok()) status = Read(question, request);
  if (status.ok()) status = Decide(origin, request, answer).status;
  if (!status.ok()) answer = Gateway::Failure(status);
  metrics_.CallEnded(Method::kForwardAuth, status.code());
  metrics_.ObserveLatency(
      Method::kForwardAuth,
      static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::steady_clock::now() - begin)
              .count()));
  return ToResponse(answer);
}

absl::Status ForwardAuth::Admit(const HttpRequest& question,
                                CallOrigin& origin) const {
  origin.trace = {.traceparent = AsTraceparent(question.Header("traceparent")),
                  .request_id = AsRequestId(question.Header("x-request-id"))};
  CallCredentials credentials{.peer = question.peer};
  const bool is_clear =
      FindOnly(question, kCallerHeader, credentials.authorization);
  return AdmitCaller(callers_, metrics_, is_clear ? &credentials : nullptr,
                     question.peer, Method::kForwardAuth, origin);
}

absl::Status ForwardAuth::Read(const HttpRequest& question,
                               gateway::HttpRequest& request) const {
  const RequestHeaders names = NamesOf(options_.headers);
  std::optional<std::string_view> method;
  std::optional<std::string_view> target;
  if (!FindOnly(question, names.method, method) || !method ||
      !FindOnly(question, names.target, target) || !target) {
    return absl::InvalidArgumentError(StrCat("the proxy has to send ",
                                             names.method, " and ",
                                             names.target, ", each once"));
  }
  request.method = *method;
  request.target = *target;
  request.is_changeable = false;
  for (const auto& [name, value] : question.headers) {
    const bool is_of_question = IsNamed(name, names.method) ||
                                IsNamed(name, names.target) ||
                                IsNamed(name, kCallerHeader);
    if (!is_of_question) request.headers.emplace_back(name, value);
  }
  return absl::OkStatus();
}

CallOutcome ForwardAuth::Decide(const CallOrigin& origin,
                                const gateway::HttpRequest& request,
                                GatewayAnswer& answer) {
  const auto deadline = std::chrono::steady_clock::now() +
                        absl::ToChronoNanoseconds(options_.deadline);
  std::unique_ptr<Ledger> ledger = ledgers_.Take();
  CallRetry retry;
  retry.Begin(sources_, origin, ledger.get());
  for (;;) {
    CallOutcome outcome =
        gateway_.Decide(Method::kForwardAuth, retry.Next(), request, answer);
    if (outcome.pending()) {
      retry.Resumed(Wait(sources_, std::move(outcome), deadline, retry));
      continue;
    }
    if (ledger != nullptr) {
      // What is not recorded does not pass.
      const absl::Status verdict = ledger->Verdict(ledger->Write());
      if (outcome.status.ok()) outcome.status = verdict;
    }
    ledgers_.Return(std::move(ledger));
    return outcome;
  }
}

}  // namespace pdp::service

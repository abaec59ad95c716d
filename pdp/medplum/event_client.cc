#include "pdp/medplum/event_client.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/answer_status.h"
#include "pdp/medplum/answers.h"

namespace pdp::medplum {
namespace {

constexpr std::string_view kWhat = "batch of AuditEvents";
constexpr int kFound = 200;
constexpr int kConflict = 409;
constexpr int kFoundSeveral = 412;
constexpr int kTooLarge = 413;
constexpr size_t kCodeDigits = 3;

std::string Batch(absl::Span<const ConditionalEvent> events) {
  std::string batch = R"({"resourceType":"Bundle","type":"batch","entry":[)";
  for (const ConditionalEvent& event : events) {
    if (&event != events.data()) batch += ',';
    batch += StrCat(
        R"({"request":{"method":"POST","url":"AuditEvent","ifNoneExist":)",
        fhir::QuoteJson(event.condition), R"(},"resource":)", event.json, "}");
  }
  return batch + "]}";
}

// What became of the event of an entry.
absl::Status ResultOf(fhir::JsonElement entry) {
  const auto response = fhir::Member(entry, "response");
  int code = 0;
  // "201", or "201 Created".
  if (!response ||
      !absl::SimpleAtoi(
          ToAbsl(
              fhir::StringMember(*response, "status").substr(0, kCodeDigits)),
          &code)) {
    return absl::DataLossError("an entry of the answer has no status");
  }
  switch (code) {
    case kFound:
    case kFoundSeveral:
      return absl::AlreadyExistsError("");
    case kConflict:
      return absl::AbortedError(StrCat(kWhat, ": ", code));
    default:
      break;
  }
  HttpExchange exchange;
  exchange.answer.code = code;
  auto outcome = fhir::Member(*response, "outcome");
  if (!outcome) outcome = fhir::Member(entry, "resource");
  if (outcome) exchange.answer.body = fhir::ToJson(*outcome);
  return AnswerStatus(exchange, kWhat);
}

absl::StatusOr<std::vector<absl::Status>> ParseBatchAnswer(
    std::string_view body, size_t count) {
  simdjson::dom::parser parser;
  fhir::JsonElement root;
  std::vector<absl::Status> results;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
      fhir::StringMember(root, "type") != "batch-response") {
    return absl::DataLossError(
        StrCat(kWhat, ": the answer is none of a batch"));
  }
  fhir::ForEachItem(root, "entry", [&](fhir::JsonElement entry) {
    results.push_back(ResultOf(entry));
  });
  if (results.size() != count) {
    return absl::DataLossError(
        StrCat(kWhat, ": the answer has another number of entries"));
  }
  return results;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventClient>> EventClient::Open(
    SessionOptions options) {
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                       Session::Open(std::move(options)));
  return absl::WrapUnique(new EventClient(std::move(session)));
}

absl::StatusOr<std::vector<absl::Status>> EventClient::CreateEvents(
    absl::Span<const ConditionalEvent> events) {
  PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                       session_->Send({.method = HttpRequest::Method::kPost,
                                       .target = std::string(kFhirPath.substr(
                                           0, kFhirPath.size() - 1)),
                                       .body = Batch(events)}));
  const absl::Status status = AnswerStatus(exchange, kWhat);
  if (RefusesToken(exchange)) {
    return absl::UnauthenticatedError(status.message());
  }
  if (exchange.answer.code == kTooLarge) {
    return absl::ResourceExhaustedError(status.message());
  }
  PDP_RETURN_IF_ERROR(status);
  return ParseBatchAnswer(exchange.answer.body, events.size());
}

}  // namespace pdp::medplum

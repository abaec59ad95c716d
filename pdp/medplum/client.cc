#include "pdp/medplum/client.h"

#include <algorithm>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/answer_status.h"
#include "pdp/medplum/answers.h"

namespace pdp::medplum {
namespace {

using Method = HttpRequest::Method;

// `what: message`, where the answer was understood to be wrong.
absl::Status Explain(const absl::Status& status, std::string_view what) {
  return {status.code(), StrCat(what, ": ", ToStd(status.message()))};
}

// The type that a search is for; InvalidArgument where the query cannot be
// sent.
absl::StatusOr<std::string> TypeOf(std::string_view query) {
  const std::string type(query.substr(0, query.find('?')));
  const bool is_encoded = std::all_of(query.begin(), query.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '#' && c != '\\';
  });
  if (!is_encoded || !fhir::ResourceKey::Parse(type + "/x")) {
    return absl::InvalidArgumentError(
        "a search is `Type?parameters`, percent-encoded");
  }
  return type;
}

// The key of a Subscription, whose id goes into a path.
absl::StatusOr<std::string> SubscriptionPath(std::string_view id) {
  const auto key = fhir::ResourceKey::Parse(StrCat("Subscription/", id));
  if (!key) return absl::InvalidArgumentError("not the id of a Subscription");
  return StrCat(kFhirPath, key->ToString());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Open(ClientOptions options) {
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                       Session::Open(std::move(options)));
  return std::make_unique<Client>(std::move(session));
}

Client::Client(std::unique_ptr<Session> session)
    : session_(std::move(session)) {}

absl::StatusOr<ReadAnswer> Client::Read(const fhir::ResourceKey& key) {
  const std::string name = key.ToString();
  if (fhir::ResourceKey::Parse(name) != key) {
    return absl::InvalidArgumentError("not the key of a resource");
  }
  PDP_ASSIGN_OR_RETURN(HttpExchange exchange,
                       session_->Send({.target = StrCat(kFhirPath, name)}));
  const std::string what = StrCat("GET ", name);
  HttpAnswer& answer = exchange.answer;
  ReadAnswer read{.server_time = answer.date};
  const absl::Status status = AnswerStatus(exchange, what);
  if (absl::IsNotFound(status)) {
    read.state = answer.code == 410 ? ReadAnswer::State::kDeleted
                                    : ReadAnswer::State::kAbsent;
    return read;
  }
  PDP_RETURN_IF_ERROR(status);
  const absl::Status checked = CheckResource(answer.body, key);
  if (!checked.ok()) return Explain(checked, what);
  read.state = ReadAnswer::State::kFound;
  read.json = std::move(answer.body);
  return read;
}

absl::StatusOr<SearchPage> Client::Search(std::string_view query) {
  PDP_ASSIGN_OR_RETURN(const std::string type, TypeOf(query));
  PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                       session_->Send({.target = StrCat(kFhirPath, query)}));
  const std::string what = StrCat("search of ", type);
  PDP_RETURN_IF_ERROR(AnswerStatus(exchange, what));
  auto page = ParseSearchPage(exchange.answer.body, type, session_->base());
  if (!page.ok()) return Explain(page.status(), what);
  if (page->next == query) {
    return absl::DataLossError(
        StrCat(what, ": the next page is the page itself"));
  }
  page->server_time = exchange.answer.date;
  return page;
}

absl::StatusOr<SearchPage> Client::NextPage(std::string_view next) {
  return Search(next);
}

absl::StatusOr<LoginInfo> Client::WhoAmI() {
  PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                       session_->Send({.target = "auth/me"}));
  PDP_RETURN_IF_ERROR(AnswerStatus(exchange, "GET auth/me"));
  auto info = ParseLoginInfo(exchange.answer.body);
  if (!info.ok()) return Explain(info.status(), "GET auth/me");
  return info;
}

absl::StatusOr<std::string> Client::ServerVersion() {
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      session_->Send({.target = "healthcheck", .with_token = false}));
  PDP_RETURN_IF_ERROR(AnswerStatus(exchange, "GET healthcheck"));
  return ParseServerVersion(exchange.answer.body);
}

absl::StatusOr<std::string> Client::CreateSubscription(std::string_view json) {
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      session_->Send({.method = Method::kPost,
                      .target = StrCat(kFhirPath, "Subscription"),
                      .body = std::string(json),
                      .is_idempotent = false}));
  PDP_RETURN_IF_ERROR(AnswerStatus(exchange, "POST Subscription"));
  auto id = ParseCreated(exchange.answer.body, "Subscription");
  if (!id.ok()) return Explain(id.status(), "POST Subscription");
  return id;
}

absl::Status Client::DeleteSubscription(std::string_view id) {
  PDP_ASSIGN_OR_RETURN(const std::string path, SubscriptionPath(id));
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      session_->Send({.method = Method::kDelete, .target = path}));
  const absl::Status status = AnswerStatus(exchange, "DELETE Subscription");
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<BindingToken> Client::GetBindingToken(
    std::string_view subscription_id) {
  PDP_ASSIGN_OR_RETURN(const std::string path,
                       SubscriptionPath(subscription_id));
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      session_->Send({.target = path + "/$get-ws-binding-token"}));
  PDP_RETURN_IF_ERROR(AnswerStatus(exchange, "$get-ws-binding-token"));
  auto token = ParseBindingToken(exchange.answer.body, session_->base());
  if (!token.ok()) return Explain(token.status(), "$get-ws-binding-token");
  return token;
}

void Client::Stop() { session_->Stop(); }

ClientStatistics Client::statistics() const {
  return {session_->http_statistics(), session_->token_statistics()};
}

}  // namespace pdp::medplum

#include "clients/pdpctl/provision/server.h"

#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/answer_status.h"
#include "pdp/medplum/answers.h"

namespace pdp::provision {

using fhir::ResourcePtr;
using medplum::HttpExchange;
using Method = medplum::HttpRequest::Method;
using Request = medplum::Session::Request;

absl::StatusOr<std::unique_ptr<Server>> Server::Open(
    const Environment& environment, const Login& login) {
  medplum::SessionOptions options;
  options.base_url = environment.base_url;
  options.credentials = {.client_id = login.client_id,
                         .client_secret_file = login.client_secret_file,
                         .private_key_file = login.private_key_file,
                         .key_id = login.key_id};
  options.http.ca_file = environment.ca_file;
  options.http.user_agent = "medplum-pdpctl";
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<medplum::Session> session,
                       medplum::Session::Open(std::move(options)));
  return std::unique_ptr<Server>(new Server(std::move(session)));
}

Server::Server(std::unique_ptr<medplum::Session> session)
    : session_(std::move(session)) {}

absl::StatusOr<HttpExchange> Server::Send(const Request& request,
                                          std::string_view what) {
  PDP_ASSIGN_OR_RETURN(HttpExchange exchange, session_->Send(request));
  const absl::Status status = medplum::AnswerStatus(exchange, what);
  if (status.ok()) return exchange;
  if (exchange.status.ok() && exchange.answer.code == 412) {
    return absl::AbortedError(status.message());
  }
  if (exchange.status.ok() && exchange.answer.code == 409) {
    return absl::AlreadyExistsError(status.message());
  }
  return status;
}

absl::StatusOr<medplum::LoginInfo> Server::WhoAmI() {
  PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                       Send({.target = "auth/me"}, "GET auth/me"));
  return medplum::ParseLoginInfo(exchange.answer.body);
}

absl::Status Server::Search(
    const std::string& query,
    const std::function<absl::Status(ResourcePtr)>& visit) {
  const std::string type = query.substr(0, query.find('?'));
  std::string next = query;
  while (!next.empty()) {
    PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                         Send({.target = StrCat(medplum::kFhirPath, next)},
                              StrCat("search of ", type)));
    PDP_ASSIGN_OR_RETURN(
        const medplum::SearchPage page,
        medplum::ParseSearchPage(exchange.answer.body, type, session_->base()));
    for (const std::string& json : page.resources) {
      PDP_ASSIGN_OR_RETURN(ResourcePtr resource, fhir::Resource::Parse(json));
      PDP_RETURN_IF_ERROR(visit(std::move(resource)));
    }
    if (page.next == next) {
      return absl::DataLossError(
          StrCat("search of ", type, ": the next page is the same one"));
    }
    next = page.next;
  }
  return absl::OkStatus();
}

absl::StatusOr<ResourcePtr> Server::Read(const fhir::ResourceKey& key) {
  const std::string name = key.ToString();
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      Send({.target = StrCat(medplum::kFhirPath, name)}, StrCat("GET ", name)));
  PDP_RETURN_IF_ERROR(medplum::CheckResource(exchange.answer.body, key));
  return fhir::Resource::Parse(exchange.answer.body);
}

absl::StatusOr<ResourcePtr> Server::Write(const Request& request,
                                          std::string_view type) {
  const std::string_view verb =
      request.method == Method::kPut ? "PUT " : "POST ";
  PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                       Send(request, StrCat(verb, request.target)));
  PDP_ASSIGN_OR_RETURN(const std::string id,
                       medplum::ParseCreated(exchange.answer.body, type));
  PDP_RETURN_IF_ERROR(
      medplum::CheckResource(exchange.answer.body, {std::string(type), id}));
  return fhir::Resource::Parse(exchange.answer.body);
}

absl::StatusOr<ResourcePtr> Server::Create(std::string_view type,
                                           const std::string& json,
                                           const std::string& condition) {
  return Write({.method = Method::kPost,
                .target = StrCat(medplum::kFhirPath, type),
                .body = json,
                .headers = {StrCat("If-None-Exist: ", condition)},
                .is_idempotent = false},
               type);
}

absl::StatusOr<ResourcePtr> Server::Update(const fhir::ResourceKey& key,
                                           const std::string& json,
                                           std::string_view version) {
  return Write({.method = Method::kPut,
                .target = StrCat(medplum::kFhirPath, key.ToString()),
                .body = json,
                .headers = {StrCat("If-Match: W/\"", version, "\"")},
                .is_idempotent = false},
               key.type);
}

absl::StatusOr<ResourcePtr> Server::Invite(std::string_view project,
                                           const std::string& json) {
  return Write({.method = Method::kPost,
                .target = StrCat("admin/projects/", project, "/invite"),
                .body = json,
                .content_type = "application/json",
                .is_idempotent = false},
               "ProjectMembership");
}

absl::Status Server::DeleteMember(std::string_view project,
                                  std::string_view id) {
  const std::string target =
      StrCat("admin/projects/", project, "/members/", id);
  return Send({.method = Method::kDelete,
               .target = target,
               .is_idempotent = false},
              StrCat("DELETE ", target))
      .status();
}

absl::Status Server::SetAccounts(const fhir::ResourceKey& key,
                                 const std::vector<std::string>& accounts,
                                 bool propagate) {
  std::string json = R"({"resourceType":"Parameters","parameter":[)";
  for (const std::string& account : accounts) {
    json += StrCat(R"({"name":"accounts","valueReference":{"reference":)",
                   fhir::QuoteJson(account), "}},");
  }
  json += StrCat(R"({"name":"propagate","valueBoolean":)",
                 propagate ? "true" : "false", "}]}");
  const std::string target =
      StrCat(medplum::kFhirPath, key.ToString(), "/$set-accounts");
  return Send({.method = Method::kPost,
               .target = target,
               .body = json,
               .is_idempotent = false},
              StrCat("POST ", target))
      .status();
}

}  // namespace pdp::provision

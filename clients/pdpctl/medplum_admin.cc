#include "clients/pdpctl/medplum_admin.h"

#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/answer_status.h"
#include "pdp/medplum/answers.h"

namespace pdp::ctl {

using medplum::HttpExchange;
using Method = medplum::HttpRequest::Method;

absl::StatusOr<std::unique_ptr<MedplumAdmin>> MedplumAdmin::Open(
    medplum::SessionOptions options) {
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<medplum::Session> session,
                       medplum::Session::Open(std::move(options)));
  return std::unique_ptr<MedplumAdmin>(new MedplumAdmin(std::move(session)));
}

MedplumAdmin::MedplumAdmin(std::unique_ptr<medplum::Session> session)
    : session_(std::move(session)) {}

absl::StatusOr<medplum::LoginInfo> MedplumAdmin::WhoAmI() {
  PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                       session_->Send({.target = "auth/me"}));
  PDP_RETURN_IF_ERROR(medplum::AnswerStatus(exchange, "GET auth/me"));
  return medplum::ParseLoginInfo(exchange.answer.body);
}

absl::StatusOr<fhir::ResourcePtr> MedplumAdmin::Read(
    const fhir::ResourceKey& key) {
  const std::string name = key.ToString();
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      session_->Send({.target = StrCat(medplum::kFhirPath, name)}));
  PDP_RETURN_IF_ERROR(medplum::AnswerStatus(exchange, StrCat("GET ", name)));
  PDP_RETURN_IF_ERROR(medplum::CheckResource(exchange.answer.body, key));
  return fhir::Resource::Parse(exchange.answer.body);
}

absl::StatusOr<fhir::ResourcePtr> MedplumAdmin::FindOne(
    std::string_view query, std::string_view name, std::string_view value) {
  const std::string type(query.substr(0, query.find('?')));
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      session_->Send({.target = StrCat(medplum::kFhirPath, query)}));
  const std::string what = StrCat("search of ", type);
  PDP_RETURN_IF_ERROR(medplum::AnswerStatus(exchange, what));
  PDP_ASSIGN_OR_RETURN(
      const medplum::SearchPage page,
      medplum::ParseSearchPage(exchange.answer.body, type, session_->base()));
  fhir::ResourcePtr found;
  for (const std::string& json : page.resources) {
    PDP_ASSIGN_OR_RETURN(fhir::ResourcePtr resource,
                         fhir::Resource::Parse(json));
    if (!value.empty() && fhir::StringMember(resource->root(), name) != value) {
      continue;
    }
    if (found != nullptr) {
      return absl::FailedPreconditionError(
          StrCat("there are several of ", query, ": ", found->key().ToString(),
                 " and ", resource->key().ToString(),
                 ": delete or rename what is not the decision point's"));
    }
    found = std::move(resource);
  }
  return found;
}

absl::StatusOr<fhir::ResourcePtr> MedplumAdmin::Post(const std::string& target,
                                                     const std::string& json,
                                                     std::string_view type) {
  PDP_ASSIGN_OR_RETURN(const HttpExchange exchange,
                       session_->Send({.method = Method::kPost,
                                       .target = target,
                                       .body = json,
                                       .is_idempotent = false}));
  PDP_RETURN_IF_ERROR(medplum::AnswerStatus(exchange, StrCat("POST ", target)));
  PDP_RETURN_IF_ERROR(
      medplum::ParseCreated(exchange.answer.body, type).status());
  return fhir::Resource::Parse(exchange.answer.body);
}

absl::StatusOr<fhir::ResourcePtr> MedplumAdmin::Create(
    std::string_view type, const std::string& json) {
  return Post(StrCat(medplum::kFhirPath, type), json, type);
}

absl::StatusOr<fhir::ResourcePtr> MedplumAdmin::CreateClient(
    std::string_view project, std::string_view name, std::string_view policy) {
  return Post(
      StrCat("admin/projects/", project, "/client"),
      StrCat(R"({"name":)", fhir::QuoteJson(name),
             R"(,"description":"Reads policies and memberships to decide.",)",
             R"("accessPolicy":{"reference":)", fhir::QuoteJson(policy), "}}"),
      "ClientApplication");
}

absl::Status MedplumAdmin::Patch(const fhir::ResourceKey& key,
                                 const std::string& operations) {
  const std::string name = key.ToString();
  PDP_ASSIGN_OR_RETURN(
      const HttpExchange exchange,
      session_->Send({.method = Method::kPatch,
                      .target = StrCat(medplum::kFhirPath, name),
                      .body = operations,
                      .content_type = "application/json-patch+json",
                      .is_idempotent = false}));
  return medplum::AnswerStatus(exchange, StrCat("PATCH ", name));
}

}  // namespace pdp::ctl

#include "pdp/service/convert_resource.h"

#include <string>
#include <utility>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/request_fields.h"

namespace pdp::service {
namespace {

using fhir::Interaction;

absl::Status ParseJson(std::string_view field, const std::string& json,
                       const fhir::ParseLimits& limits,
                       fhir::ResourcePtr& resource) {
  if (json.empty()) return absl::OkStatus();
  absl::StatusOr<fhir::ResourcePtr> parsed =
      fhir::Resource::Parse(json, limits);
  if (!parsed.ok()) {
    return absl::Status(parsed.status().code(),
                        StrCat(field, ": ", ToStd(parsed.status().message())));
  }
  resource = *std::move(parsed);
  return absl::OkStatus();
}

absl::Status TypesDisagree(std::string_view field, std::string_view is,
                           std::string_view other_field,
                           std::string_view other) {
  return Wrong(field,
               StrCat("is of the type ", Quoted(is), ", but ", other_field,
                      " says ", Quoted(other), "; send one resource"));
}

}  // namespace

absl::Status ConvertResource(const v1::Resource& message,
                             const RequestLimits& limits,
                             policy::ResourceFacts& facts) {
  PDP_RETURN_IF_ERROR(
      ParseJson("body", message.body(), limits.resource, facts.current));
  PDP_RETURN_IF_ERROR(ParseJson("proposed", message.proposed(), limits.resource,
                                facts.proposed));
  const fhir::Resource* body = facts.current.get();
  const fhir::Resource* proposed = facts.proposed.get();

  facts.type = message.type();
  if (facts.type.empty() && body != nullptr) facts.type = body->type();
  if (facts.type.empty() && proposed != nullptr) facts.type = proposed->type();
  if (facts.type.empty()) {
    return Wrong("type",
                 "missing; send the resource type, or the resource "
                 "itself as `body` or `proposed`");
  }
  if (!IsTypeName(facts.type)) {
    return Wrong("type", StrCat(Quoted(facts.type),
                                " is not a resource type; send a "
                                "name such as `Patient`"));
  }
  if (body != nullptr && body->type() != facts.type) {
    return TypesDisagree("body", body->type(), "type", facts.type);
  }
  if (proposed != nullptr && proposed->type() != facts.type) {
    return TypesDisagree("proposed", proposed->type(),
                         message.type().empty() ? "body" : "type", facts.type);
  }

  facts.id = message.id();
  if (facts.id.empty() && body != nullptr) facts.id = body->id();
  if (!facts.id.empty() && !IsId(facts.id)) {
    return Wrong("id", StrCat(Quoted(facts.id),
                              " is not an id; send 1 to 64 "
                              "letters, digits, `-` or `.`"));
  }
  if (body != nullptr && !body->id().empty() && body->id() != facts.id) {
    return Wrong("body", StrCat("is the resource ", Quoted(body->id()),
                                ", but id says ", Quoted(facts.id),
                                "; send the resource that is asked about"));
  }
  if (!message.version_id().empty() && !IsId(message.version_id())) {
    return Wrong("version_id",
                 StrCat(Quoted(message.version_id()),
                        " is not a version; send meta.versionId alone, without "
                        "quotes or `W/`"));
  }
  facts.version_id = message.version_id();
  PDP_RETURN_IF_ERROR(CheckProjectId("project", message.project()));
  facts.project = message.project();
  if (message.deleted() && body == nullptr) {
    return Wrong("deleted",
                 "set without body; send the resource's last version as body, "
                 "or leave it out and let the server look it up");
  }
  facts.deleted = message.deleted();
  return absl::OkStatus();
}

absl::Status CheckTokenProject(const policy::TokenBinding* token,
                               const v1::Resource& message) {
  if (token == nullptr || message.project().empty() ||
      message.project() == token->project) {
    return absl::OkStatus();
  }
  return OtherProject("project");
}

absl::Status CheckResource(Interaction interaction,
                           const policy::ResourceFacts& facts) {
  const std::string_view name = UpperName(interaction);
  const bool has_target = interaction != Interaction::kCreate &&
                          interaction != Interaction::kSearch;
  const bool writes_content = interaction == Interaction::kCreate ||
                              interaction == Interaction::kUpdate ||
                              interaction == Interaction::kPatch;
  if (has_target && facts.id.empty()) {
    return Wrong("id", StrCat("missing; ", name, " needs the resource's id"));
  }
  if (interaction == Interaction::kCreate && facts.current != nullptr) {
    return Wrong("body",
                 "not for CREATE, which has no stored resource; send the new "
                 "resource as proposed");
  }
  const bool is_found =
      interaction == Interaction::kSearch && facts.current != nullptr;
  if (is_found && facts.id.empty()) {
    return Wrong("body", "has no id; send the resource as it is stored");
  }
  if (!has_target && !is_found && !facts.id.empty()) {
    return Wrong("id", StrCat("not for ", name, "; leave it out"));
  }
  if (writes_content && facts.proposed == nullptr) {
    return Wrong("proposed", StrCat("missing; ", name,
                                    " needs the resource as it shall be"));
  }
  if (!writes_content && facts.proposed != nullptr) {
    return Wrong("proposed",
                 StrCat("not for ", name, ", which writes no content; ",
                        "leave it out"));
  }
  if (interaction == Interaction::kVread && facts.version_id.empty()) {
    return Wrong("version_id",
                 "missing; VREAD needs the version that is to be read");
  }
  const bool takes_version = interaction == Interaction::kVread ||
                             interaction == Interaction::kUpdate ||
                             interaction == Interaction::kPatch ||
                             interaction == Interaction::kDelete;
  if (!takes_version && !facts.version_id.empty()) {
    return Wrong("version_id",
                 StrCat("not for ", name, "; leave it out",
                        interaction == Interaction::kRead
                            ? ", or ask for VREAD to read one version"
                            : ""));
  }
  return absl::OkStatus();
}

}  // namespace pdp::service

#include "pdp/service/convert_request.h"

#include <google/protobuf/unknown_field_set.h>

#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/request_fields.h"

namespace pdp::service {
namespace {

using fhir::Interaction;

// "field 14 of Context is not known to this server".
template <typename Message>
std::optional<std::string> FindUnknownFields(const Message& message) {
  const google::protobuf::UnknownFieldSet& fields =
      message.GetReflection()->GetUnknownFields(message);
  if (fields.empty()) return std::nullopt;
  return StrCat("field ", fields.field(0).number(), " of ",
                Message::descriptor()->name(),
                " is not known to this server; leave it out, or ask a newer "
                "server");
}

}  // namespace

absl::Status InField(std::string_view field, const absl::Status& status) {
  return absl::Status(status.code(),
                      StrCat(field, ".", ToStd(status.message())));
}

absl::Status ConvertInteraction(int number, Interaction& interaction) {
  if (number == v1::INTERACTION_UNSPECIFIED) {
    return Wrong("interaction",
                 "missing; say what is to be done, READ for "
                 "example");
  }
  if (!v1::Interaction_IsValid(number)) {
    return Wrong("interaction",
                 StrCat(number, " is not an interaction of this server"));
  }
  interaction = static_cast<Interaction>(number);
  return absl::OkStatus();
}

absl::Status ConvertCheck(const v1::CheckRequest& message, policy::Mode mode,
                          const RequestLimits& limits,
                          policy::AccessRequest& request,
                          const policy::TokenBinding* token) {
  PDP_RETURN_IF_ERROR(
      ConvertInteraction(message.interaction(), request.interaction));
  PDP_RETURN_IF_ERROR(
      ConvertSubject(message.subject(), request.subject, token));
  PDP_RETURN_IF_ERROR(
      ConvertContext(message.context(), mode, limits, request.context, token));
  if (!message.has_resource()) {
    return Wrong("resource", "missing; send its type and id, or its content");
  }
  absl::Status status = CheckTokenProject(token, message.resource());
  if (status.ok()) {
    status = ConvertResource(message.resource(), limits, request.resource);
  }
  if (status.ok())
    status = CheckResource(request.interaction, request.resource);
  if (!status.ok()) return InField("resource", status);
  request.return_completed_resource = message.return_completed_resource();
  return absl::OkStatus();
}

absl::Status ConvertFilter(const v1::FilterRequest& message, policy::Mode mode,
                           const RequestLimits& limits,
                           policy::FilterRequest& request,
                           const policy::TokenBinding* token) {
  PDP_RETURN_IF_ERROR(
      ConvertSubject(message.subject(), request.subject, token));
  PDP_RETURN_IF_ERROR(
      ConvertContext(message.context(), mode, limits, request.context, token));
  if (message.resource_type().empty()) {
    return Wrong("resource_type", "missing; send the type to be searched");
  }
  if (!IsTypeName(message.resource_type())) {
    return Wrong("resource_type",
                 StrCat(Quoted(message.resource_type()),
                        " is not a resource type; send a name such as "
                        "`Patient`"));
  }
  request.resource_type = message.resource_type();
  if (!message.query().empty() &&
      (message.query().front() == '?' || message.query().front() == '/')) {
    return Wrong("query",
                 "begins with `?` or `/`; send what follows the `?` "
                 "of a search");
  }
  request.query = message.query();
  switch (static_cast<int>(message.runner())) {
    case v1::QUERY_RUNNER_UNSPECIFIED:
    case v1::QUERY_RUNNER_PRIVILEGED:
      request.runner_is_privileged = true;
      break;
    case v1::QUERY_RUNNER_SAME_PROJECT:
      request.runner_is_privileged = false;
      break;
    default:
      return Wrong("runner",
                   "a value that this server does not know; send "
                   "PRIVILEGED or SAME_PROJECT");
  }
  return absl::OkStatus();
}

absl::Status ConvertFilterResources(const v1::FilterResourcesHeader& message,
                                    policy::Mode mode,
                                    const RequestLimits& limits,
                                    policy::AccessRequest& request,
                                    const policy::TokenBinding* token) {
  PDP_RETURN_IF_ERROR(
      ConvertInteraction(message.interaction(), request.interaction));
  if (request.interaction != Interaction::kRead &&
      request.interaction != Interaction::kSearch) {
    return Wrong("interaction",
                 StrCat(UpperName(request.interaction),
                        " shows no resources; send READ or SEARCH"));
  }
  PDP_RETURN_IF_ERROR(
      ConvertSubject(message.subject(), request.subject, token));
  PDP_RETURN_IF_ERROR(
      ConvertContext(message.context(), mode, limits, request.context, token));
  if (token != nullptr && !message.project().empty() &&
      message.project() != token->project) {
    return OtherProject("project");
  }
  return CheckProjectId("project", message.project());
}

std::optional<std::string> FindUnsupported(const v1::Subject& message) {
  return FindUnknownFields(message);
}

std::optional<std::string> FindUnsupported(const v1::Context& message) {
  std::optional<std::string> found = FindUnknownFields(message.session());
  if (!found) found = FindUnknownFields(message);
  return found;
}

std::optional<std::string> FindUnsupported(const v1::Resource& message) {
  return FindUnknownFields(message);
}

namespace {

template <typename Request>
std::optional<std::string> FindUnsupportedInCall(const Request& message) {
  std::optional<std::string> found = FindUnsupported(message.subject());
  if (!found) found = FindUnsupported(message.context());
  if (!found) found = FindUnknownFields(message.consistency());
  if (!found) found = FindUnknownFields(message);
  return found;
}

}  // namespace

std::optional<std::string> FindUnsupported(const v1::CheckRequest& message) {
  std::optional<std::string> found = FindUnsupportedInCall(message);
  if (!found) found = FindUnsupported(message.resource());
  return found;
}

std::optional<std::string> FindUnsupported(const v1::FilterRequest& message) {
  return FindUnsupportedInCall(message);
}

std::optional<std::string> FindUnsupported(
    const v1::DescribeAccessRequest& message) {
  return FindUnsupportedInCall(message);
}

std::optional<std::string> FindUnsupported(
    const v1::FilterResourcesHeader& message) {
  return FindUnsupportedInCall(message);
}

std::optional<std::string> FindUnsupported(
    const v1::FilterResourcesRequest& message) {
  return FindUnknownFields(message);
}

std::optional<std::string> FindUnsupported(
    const v1::BatchCheckRequest& message) {
  std::optional<std::string> found = FindUnsupported(message.context());
  if (!found) found = FindUnknownFields(message.consistency());
  if (!found) found = FindUnknownFields(message);
  return found;
}

std::optional<std::string> FindUnsupported(const v1::BatchCheckItem& message) {
  return FindUnknownFields(message);
}

}  // namespace pdp::service

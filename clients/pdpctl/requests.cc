#include "clients/pdpctl/requests.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "clients/pdpctl/names.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

void SetTime(absl::Time time, google::protobuf::Timestamp& message) {
  const absl::Duration since_1970 = time - absl::UnixEpoch();
  const int64_t seconds = absl::ToInt64Seconds(since_1970);
  message.set_seconds(seconds);
  message.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(since_1970 - absl::Seconds(seconds))));
}

absl::Status ReadTime(std::string_view option, const std::string& text,
                      google::protobuf::Timestamp& message) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return absl::InvalidArgumentError(
        StrCat(option, ": `", text, "` is no time: ", error));
  }
  SetTime(time, message);
  return absl::OkStatus();
}

// Leaves `session` unset where nothing is said of it.
absl::Status Fill(const SessionArguments& from, v1::Context& context) {
  if (!from.authenticated_at.empty()) {
    PDP_RETURN_IF_ERROR(
        ReadTime("--authenticated-at", from.authenticated_at,
                 *context.mutable_session()->mutable_authenticated_at()));
  }
  if (!from.last_activity_at.empty()) {
    PDP_RETURN_IF_ERROR(
        ReadTime("--last-activity-at", from.last_activity_at,
                 *context.mutable_session()->mutable_last_activity_at()));
  }
  if (!from.last_failed_attempt_at.empty()) {
    PDP_RETURN_IF_ERROR(
        ReadTime("--last-failed-attempt-at", from.last_failed_attempt_at,
                 *context.mutable_session()->mutable_last_failed_attempt_at()));
  }
  if (from.failed_attempts) {
    context.mutable_session()->set_failed_attempts(*from.failed_attempts);
  }
  if (from.locked) context.mutable_session()->set_locked(*from.locked);
  if (from.mfa_satisfied) {
    context.mutable_session()->set_mfa_satisfied(*from.mfa_satisfied);
  }
  return absl::OkStatus();
}

absl::Status Fill(const SubjectArguments& from, v1::Subject& subject,
                  v1::Context& context) {
  if (!from.access_token_file.empty()) {
    PDP_ASSIGN_OR_RETURN(const std::string token,
                         ReadInput(from.access_token_file));
    subject.set_access_token(std::string(absl::StripAsciiWhitespace(token)));
  } else if (!from.reference.empty()) {
    subject.set_reference(from.reference);
  } else {
    return absl::InvalidArgumentError(
        "who asks is said by --subject or --access-token-file");
  }
  subject.set_project(from.project);
  if (from.scope) context.set_smart_scope(*from.scope);
  if (from.launch_patient) context.set_launch_patient(*from.launch_patient);
  context.set_extended_mode(from.extended);
  if (from.remote_address) context.set_remote_address(*from.remote_address);
  if (from.basic_authentication) {
    context.set_authentication(v1::AUTHENTICATION_BASIC);
  }
  if (from.on_behalf_of) context.set_on_behalf_of(*from.on_behalf_of);
  for (const std::string& tenant : from.active_tenants) {
    context.add_active_tenants(tenant);
  }
  context.set_use_stored_tenant(from.use_stored_tenant);
  context.set_purpose_of_use(from.purpose_of_use);
  return Fill(from.session, context);
}

bool IsWrite(v1::Interaction interaction) {
  return interaction == v1::INTERACTION_CREATE ||
         interaction == v1::INTERACTION_UPDATE ||
         interaction == v1::INTERACTION_PATCH;
}

absl::Status Validate(const CheckCommand& command,
                      v1::Interaction interaction) {
  const bool names_one = command.resource.find('/') != std::string::npos;
  const bool has_body = !command.body_file.empty();
  if (interaction == v1::INTERACTION_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        StrCat("--interaction: `", command.interaction, "` is unknown"));
  }
  if (IsWrite(interaction) && command.proposed_file.empty()) {
    return absl::InvalidArgumentError(
        StrCat("--interaction ", command.interaction,
               " needs --proposed FILE: what is to be written"));
  }
  if (!IsWrite(interaction) && !command.proposed_file.empty()) {
    return absl::InvalidArgumentError(
        StrCat("--proposed is for create, update and patch, not for ",
               command.interaction));
  }
  if (interaction == v1::INTERACTION_SEARCH && command.resource.empty() &&
      !has_body) {
    return absl::InvalidArgumentError(
        "--interaction search needs --resource TYPE, or --body FILE to ask "
        "whether a search may return that resource");
  }
  const bool needs_one = interaction != v1::INTERACTION_CREATE &&
                         interaction != v1::INTERACTION_SEARCH;
  if (needs_one && !names_one && !has_body) {
    return absl::InvalidArgumentError(
        StrCat("--interaction ", command.interaction,
               " needs --resource TYPE/ID or --body FILE"));
  }
  if (interaction == v1::INTERACTION_VREAD && command.version.empty()) {
    return absl::InvalidArgumentError("--interaction vread needs --version ID");
  }
  if (command.body_file == "-" && command.proposed_file == "-") {
    return absl::InvalidArgumentError(
        "--body and --proposed cannot both be the standard input");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  if (path == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(StrCat(path, " cannot be read"));
  }
  return text.str();
}

absl::StatusOr<v1::CheckRequest> ToRequest(const CheckCommand& command) {
  const v1::Interaction interaction = ParseInteractionName(command.interaction);
  PDP_RETURN_IF_ERROR(Validate(command, interaction));

  v1::CheckRequest request;
  PDP_RETURN_IF_ERROR(Fill(command.subject, *request.mutable_subject(),
                           *request.mutable_context()));
  if (command.durable_only) {
    request.mutable_context()->set_read_path(v1::READ_PATH_DURABLE_ONLY);
  }
  request.set_interaction(interaction);
  v1::Resource& resource = *request.mutable_resource();
  const size_t slash = command.resource.find('/');
  resource.set_type(command.resource.substr(0, slash));
  if (slash != std::string::npos) {
    resource.set_id(command.resource.substr(slash + 1));
  }
  resource.set_version_id(command.version);
  resource.set_project(command.resource_project);
  if (!command.body_file.empty()) {
    PDP_ASSIGN_OR_RETURN(*resource.mutable_body(),
                         ReadInput(command.body_file));
  }
  if (!command.proposed_file.empty()) {
    PDP_ASSIGN_OR_RETURN(*resource.mutable_proposed(),
                         ReadInput(command.proposed_file));
  }
  resource.set_deleted(command.deleted);
  request.set_return_completed_resource(command.return_completed);
  return request;
}

absl::StatusOr<v1::ExplainRequest> ToRequest(const ExplainCommand& command) {
  v1::ExplainRequest request;
  if (!command.as_of.empty()) {
    PDP_RETURN_IF_ERROR(
        ReadTime("--as-of", command.as_of, *request.mutable_as_of()));
  }
  if (!command.decision.empty()) {
    if (!command.check.subject.reference.empty() ||
        !command.check.interaction.empty()) {
      return absl::InvalidArgumentError(
          "--decision says all of a question; leave out --subject and "
          "--interaction");
    }
    request.set_decision_id(command.decision);
    return request;
  }
  if (command.check.interaction.empty()) {
    return absl::InvalidArgumentError(
        "a question needs --subject and --interaction, or --decision in their "
        "place");
  }
  PDP_ASSIGN_OR_RETURN(*request.mutable_check(), ToRequest(command.check));
  return request;
}

absl::StatusOr<v1::FilterRequest> ToRequest(const FilterCommand& command) {
  v1::FilterRequest request;
  PDP_RETURN_IF_ERROR(Fill(command.subject, *request.mutable_subject(),
                           *request.mutable_context()));
  request.set_resource_type(command.type);
  request.set_query(command.query);
  request.set_runner(command.same_project_runner ? v1::QUERY_RUNNER_SAME_PROJECT
                                                 : v1::QUERY_RUNNER_PRIVILEGED);
  return request;
}

absl::StatusOr<std::vector<v1::FilterResourcesRequest>> ToRequests(
    const FilterResourcesCommand& command) {
  std::vector<v1::FilterResourcesRequest> messages(1);
  v1::FilterResourcesHeader& header = *messages.front().mutable_header();
  PDP_RETURN_IF_ERROR(Fill(command.subject, *header.mutable_subject(),
                           *header.mutable_context()));
  header.set_interaction(ParseInteractionName(command.interaction));
  header.set_project(command.resource_project);
  for (const std::string& file : command.files) {
    PDP_ASSIGN_OR_RETURN(std::string json, ReadInput(file));
    const auto resource = fhir::Resource::Parse(
        json, {.max_bytes = json.size(), .max_depth = 1'000});
    if (!resource.ok()) {
      return absl::InvalidArgumentError(
          StrCat(file, ": ", ToStd(resource.status().message())));
    }
    if ((*resource)->type() == "Bundle") {
      messages.emplace_back().set_bundle(std::move(json));
    } else {
      messages.emplace_back().set_resource(std::move(json));
    }
  }
  return messages;
}

absl::StatusOr<v1::DescribeAccessRequest> ToRequest(
    const DescribeCommand& command) {
  v1::DescribeAccessRequest request;
  PDP_RETURN_IF_ERROR(Fill(command.subject, *request.mutable_subject(),
                           *request.mutable_context()));
  return request;
}

absl::StatusOr<v1::BlockRequest> ToRequest(const BlockCommand& command,
                                           absl::Time now) {
  absl::Time until;
  absl::Duration duration;
  std::string error;
  if (absl::ParseDuration(command.until, &duration)) {
    until = now + duration;
  } else if (!absl::ParseTime(absl::RFC3339_full, command.until, &until,
                              &error)) {
    return absl::InvalidArgumentError(
        StrCat("--until `", command.until,
               "` is neither a duration, such as 30m or 2h, nor a time, such "
               "as 2026-01-02T03:04:05Z"));
  }
  v1::BlockRequest request;
  v1::Block& block = *request.mutable_block();
  block.set_target(command.target);
  SetTime(until, *block.mutable_until());
  block.set_reason(command.reason);
  return request;
}

}  // namespace pdp::ctl

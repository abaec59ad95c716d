#include "pdp/service/recorded_question.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

// UNSPECIFIED where there is none of the name.
v1::Effect EffectOf(std::string_view name) {
  v1::Effect effect = v1::EFFECT_UNSPECIFIED;
  v1::Effect_Parse(StrCat("EFFECT_", name), &effect);
  return effect;
}

v1::Reason ReasonOf(std::string_view name) {
  v1::Reason reason = v1::REASON_UNSPECIFIED;
  v1::Reason_Parse(StrCat("REASON_", name), &reason);
  return reason;
}

bool StoresContent(fhir::Interaction interaction) {
  return interaction == fhir::Interaction::kCreate ||
         interaction == fhir::Interaction::kUpdate ||
         interaction == fhir::Interaction::kPatch;
}

absl::Status CannotBeAsked(std::string_view why) {
  return absl::FailedPreconditionError(StrCat("decision_id: ", why));
}

}  // namespace

absl::StatusOr<audit::OwnedRecord> FindRecorded(
    const std::vector<std::string>& directories, std::string_view decision_id) {
  std::vector<std::string> present;
  for (const std::string& directory : directories) {
    std::error_code ignored;
    if (std::filesystem::is_directory(directory, ignored)) {
      present.push_back(directory);
    }
  }
  PDP_ASSIGN_OR_RETURN(const audit::LogReader reader,
                       audit::LogReader::Open(present));
  absl::StatusOr<std::optional<audit::OwnedRecord>> found =
      reader.FindDecision(decision_id);
  if (absl::IsInvalidArgument(found.status())) {
    return absl::InvalidArgumentError(
        StrCat("decision_id: `", decision_id, "` is not the id of a decision"));
  }
  PDP_RETURN_IF_ERROR(found.status());
  if (found->has_value()) return **std::move(found);
  return absl::NotFoundError(StrCat(
      "decision_id: `", decision_id,
      "` is not in the audit log of this server: another replica may "
      "have decided, the record may be archived elsewhere or removed, or "
      "nothing was recorded then"));
}

absl::StatusOr<v1::CheckRequest> QuestionOf(const audit::Record& record) {
  if (record.kind != audit::RecordKind::kDecision &&
      record.kind != audit::RecordKind::kRelease) {
    return CannotBeAsked(
        StrCat("the record is of ", record.method,
               ", which is no decision about one resource; only those can be "
               "explained"));
  }
  const std::optional<fhir::Interaction> interaction =
      fhir::ParseInteraction(record.interaction);
  if (!interaction) {
    return CannotBeAsked(
        StrCat("the record names no interaction that is known "
               "here: `",
               record.interaction, "`"));
  }
  if (StoresContent(*interaction)) {
    return CannotBeAsked(
        StrCat("what was to be stored by the ", record.interaction,
               " is not in the record, which holds no content; ask with "
               "`check`, the content and `as_of`"));
  }
  v1::CheckRequest check;
  v1::Subject& subject = *check.mutable_subject();
  if (!record.membership.empty()) {
    subject.set_reference(std::string(record.membership));
  } else if (record.subject.empty() || record.subject == "token") {
    return CannotBeAsked("the record does not say who asked");
  } else {
    subject.set_reference(std::string(record.subject));
    subject.set_project(std::string(record.project));
  }
  check.set_interaction(static_cast<v1::Interaction>(*interaction));

  v1::Resource& resource = *check.mutable_resource();
  const size_t slash = record.resource.find('/');
  resource.set_type(std::string(record.resource.substr(0, slash)));
  if (slash != std::string_view::npos) {
    resource.set_id(std::string(record.resource.substr(slash + 1)));
  }
  resource.set_version_id(std::string(record.version_id));

  v1::Context& context = *check.mutable_context();
  if (!record.on_behalf_of.empty()) {
    context.set_on_behalf_of(std::string(record.on_behalf_of));
  }
  if (!record.remote_address.empty()) {
    context.set_remote_address(std::string(record.remote_address));
  }
  if (!record.smart_scope.empty()) {
    context.set_smart_scope(std::string(record.smart_scope));
  }
  if (!record.launch_patient.empty()) {
    context.set_launch_patient(std::string(record.launch_patient));
  }
  return check;
}

void DescribeRecorded(const audit::Record& record, const v1::Decision& decision,
                      v1::RecordedDecision& recorded) {
  recorded.set_decision_id(std::string(record.decision_id));
  WriteTimestamp(record.time, *recorded.mutable_time());
  recorded.set_method(std::string(record.method));
  recorded.set_caller(std::string(record.caller));
  recorded.set_effect(EffectOf(record.effect));
  recorded.set_reason(ReasonOf(record.reason));
  recorded.set_policy(std::string(record.policy));
  recorded.set_policy_version_id(std::string(record.policy_version));
  recorded.set_revision(record.revision.value_or(0));
  recorded.set_agrees(recorded.effect() == decision.effect() &&
                      recorded.reason() == decision.reason());
}

}  // namespace pdp::service

#include "pdp/recorded/question.h"

#include <optional>
#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"

namespace pdp::recorded {

namespace v1 = ::medplum::pdp::v1;

namespace {

bool StoresContent(fhir::Interaction interaction) {
  return interaction == fhir::Interaction::kCreate ||
         interaction == fhir::Interaction::kUpdate ||
         interaction == fhir::Interaction::kPatch;
}

absl::Status CannotBeAsked(std::string_view why) {
  return absl::FailedPreconditionError(ToAbsl(why));
}

}  // namespace

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

}  // namespace pdp::recorded

#include "pdp/service/recorded_decision.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
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

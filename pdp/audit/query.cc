#include "pdp/audit/query.h"

#include <algorithm>
#include <string_view>

#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

bool Is(std::string_view asked, std::string_view value) {
  return asked.empty() || asked == value;
}

bool IsSubject(std::string_view asked, const Record& record) {
  return asked.empty() || asked == record.subject ||
         asked == record.membership || asked == record.profile ||
         asked == record.on_behalf_of;
}

bool IsPatient(std::string_view asked, const Record& record) {
  return asked.empty() || asked == record.patient || asked == record.resource;
}

bool IsResource(std::string_view asked, std::string_view resource) {
  if (asked.empty() || asked == resource) return true;
  return asked.find('/') == std::string_view::npos &&
         resource.substr(0, resource.find('/')) == asked;
}

}  // namespace

bool Query::Matches(const RecordParser& parsed) const {
  if (kind.empty() ? !parsed.is_record() : parsed.kind() != kind) return false;
  const Record& record = parsed.record();
  return IsSubject(subject, record) && IsPatient(patient, record) &&
         IsResource(resource, record.resource) && Is(effect, record.effect) &&
         Is(reason, record.reason) && Is(decision, record.decision_id) &&
         Is(caller, record.caller) && Is(project, record.project) &&
         Is(interaction, record.interaction);
}

absl::Status Query::Complete() {
  if (selection.from > selection.to) {
    return absl::InvalidArgumentError("--from is after --to");
  }
  if (decision.empty()) return absl::OkStatus();
  const auto made = TimeOfId(decision);
  if (!made) {
    return absl::InvalidArgumentError(
        StrCat("`", decision, "` is not the id of a decision"));
  }
  selection.from = std::max(selection.from, *made - absl::Minutes(10));
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> ParseQueryTime(std::string_view text, bool is_end) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, &error)) {
    return time;
  }
  if (absl::ParseTime("%E4Y-%m-%d", ToAbsl(text), &time, &error)) {
    return is_end ? time + absl::Hours(24) - absl::Microseconds(1) : time;
  }
  return absl::InvalidArgumentError(StrCat(
      "`", text, "` is no time; write 2026-01-02 or 2026-01-02T03:04:05Z"));
}

}  // namespace pdp::audit

#include "clients/pdpctl/recorded_checks.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "pdp/audit/log_reader.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/recorded/question.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;
using audit::RecordKind;

// What an answer was given for, to somebody.
bool IsDecision(const audit::RecordParser& parsed) {
  if (!parsed.is_record()) return false;
  const RecordKind kind = parsed.record().kind;
  return kind == RecordKind::kDecision || kind == RecordKind::kRelease;
}

class Collector {
 public:
  explicit Collector(size_t max_checks) : max_checks_(max_checks) {}

  absl::Status Add(const audit::Record& record) {
    ++found_.decisions;
    absl::StatusOr<v1::CheckRequest> question = recorded::QuestionOf(record);
    if (!question.ok()) {
      ++found_.left_out;
      return absl::OkStatus();
    }
    const auto [entry, is_new] = places_.try_emplace(
        question->SerializeAsString(), found_.checks.size());
    if (!is_new) {
      ++counts_[entry->second];
      return absl::OkStatus();
    }
    if (found_.checks.size() >= max_checks_) {
      return absl::ResourceExhaustedError(
          StrCat("more than ", max_checks_,
                 " different questions were recorded; ask for fewer by --from, "
                 "--to, --subject, --patient or --project"));
    }
    NamedCheck& check = found_.checks.emplace_back();
    check.id = std::string(record.decision_id);
    check.who = question->subject().reference();
    check.what = StrCat(record.interaction, " ", record.resource);
    check.request = *std::move(question);
    counts_.push_back(1);
    return absl::OkStatus();
  }

  RecordedChecks Take() && {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 1) continue;
      found_.checks[i].id += StrCat(" and ", counts_[i] - 1, " more");
    }
    return std::move(found_);
  }

 private:
  const size_t max_checks_;
  RecordedChecks found_;
  std::vector<uint64_t> counts_;  // Of each check.
  absl::flat_hash_map<std::string, size_t> places_;
};

}  // namespace

absl::StatusOr<RecordedChecks> ReadRecordedChecks(
    const std::vector<std::string>& directories, const AuditFilters& filters,
    size_t max_checks) {
  PDP_ASSIGN_OR_RETURN(const audit::Query query, MakeQuery(filters));
  PDP_ASSIGN_OR_RETURN(const audit::LogReader reader,
                       audit::LogReader::Open(directories));
  Collector collector(max_checks);
  absl::Status status;
  PDP_RETURN_IF_ERROR(reader.ForEach(
      query.selection,
      [&](const audit::FoundRecord& found) {
        if (IsDecision(found.parsed) && query.Matches(found.parsed)) {
          status = collector.Add(found.parsed.record());
        }
        return status.ok();
      },
      [&](const audit::Defect& defect) {
        if (status.ok()) status = absl::DataLossError(defect.ToString());
      }));
  PDP_RETURN_IF_ERROR(status);
  return std::move(collector).Take();
}

}  // namespace pdp::ctl

#include "pdp/audit_sink/treatment.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "pdp/base/strings.h"

namespace pdp::audit_sink {
namespace {

using audit::RecordKind;

constexpr std::string_view kReadInteractions[] = {"read", "vread", "history",
                                                  "search"};
constexpr std::string_view kNoDecision = "NO_DECISION";
constexpr std::string_view kSummary = "summary";

bool IsRead(const audit::Record& record) {
  return record.kind == RecordKind::kFilter ||
         record.kind == RecordKind::kRelease ||
         std::find(std::begin(kReadInteractions), std::end(kReadInteractions),
                   record.interaction) != std::end(kReadInteractions);
}

}  // namespace

Treatment TreatmentOf(const audit::Record& record, Reads reads) {
  switch (record.kind) {
    case RecordKind::kSimulation:
    case RecordKind::kChange:
      return Treatment::kNone;
    case RecordKind::kAccess:
    case RecordKind::kAdmin:
      return Treatment::kOne;
    case RecordKind::kDecision:
    case RecordKind::kFilter:
    case RecordKind::kRelease:
      break;
  }
  if (record.effect == "DENY") return Treatment::kOne;
  if (record.effect == kNoDecision) return Treatment::kFold;
  // Each resource of it has a record.
  if (record.event == kSummary) return Treatment::kNone;
  if (!IsRead(record)) return Treatment::kOne;
  switch (reads) {
    case Reads::kEvery:
      return Treatment::kOne;
    case Reads::kNone:
      return Treatment::kNone;
    case Reads::kFolded:
      break;
  }
  return Treatment::kFold;
}

std::string FoldKey(const audit::Record& record, absl::Duration window) {
  const std::string_view who =
      record.membership.empty() ? record.subject : record.membership;
  return StrCat(record.effect == kNoDecision ? record.reason : "read", "\n",
                record.project, "\n", who, "\n", record.on_behalf_of, "\n",
                record.patient, "\n",
                absl::ToUnixMicros(WindowEnd(record.time, window)));
}

absl::Time WindowEnd(absl::Time time, absl::Duration window) {
  const absl::Duration since_epoch = time - absl::UnixEpoch();
  return absl::UnixEpoch() + absl::Floor(since_epoch, window) + window;
}

}  // namespace pdp::audit_sink

#include "pdp/change_recorder.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/clock.h"
#include "pdp/audit/record.h"

namespace pdp {
namespace {

// Of a batch that is larger, several writes are made.
constexpr size_t kMaxRecordsPerWrite = 512;

bool IsRecorded(std::string_view type) {
  constexpr std::string_view kTypes[] = {"AccessPolicy", "ProjectMembership",
                                         "Project"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) !=
         std::end(kTypes);
}

}  // namespace

void ChangeRecorder::Changed(const store::Applied& applied) {
  if (ledger_ == nullptr) return;
  MutexLock lock(mutex_);
  if (is_filling_) return;
  for (const fhir::ResourceKey& key : applied.keys) {
    if (!IsRecorded(key.type)) continue;
    Add(key, applied.revision);
    if (ledger_->added() >= kMaxRecordsPerWrite) {
      ledger_->Write().IgnoreError();
    }
  }
  // A change counts whether it is recorded or not; what fails is counted.
  ledger_->Write().IgnoreError();
}

void ChangeRecorder::Filled() {
  if (ledger_ == nullptr) return;
  MutexLock lock(mutex_);
  if (!is_filling_) return;
  is_filling_ = false;
  audit::Record record;
  record.kind = audit::RecordKind::kChange;
  record.time = absl::Now();
  record.event = "loaded";
  record.revision = store_.statistics().revision;
  ledger_->Add(record);
  ledger_->Write().IgnoreError();
}

void ChangeRecorder::Add(const fhir::ResourceKey& key, uint64_t revision) {
  const absl::StatusOr<std::optional<store::Record>> stored = store_.Get(key);
  const bool is_there = stored.ok() && stored->has_value();
  const std::string resource = key.ToString();
  audit::Record record;
  record.kind = audit::RecordKind::kChange;
  record.time = absl::Now();
  record.resource = resource;
  const bool is_gone = stored.ok() && (!is_there || (*stored)->deleted);
  record.event = is_gone ? "deleted" : "updated";
  if (is_there) {
    record.version_id = (*stored)->version_id;
    record.project = (*stored)->project;
  }
  record.revision = revision;
  ledger_->Add(record);
}

}  // namespace pdp

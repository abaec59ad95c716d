#include "pdp/change_recorder.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "pdp/audit/record.h"
#include "pdp/base/strings.h"

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

ChangeRecorder::ChangeRecorder(const service::Audit& audit,
                               service::Metrics& metrics,
                               const store::Store& store, bool is_new,
                               const std::string& recorded_file,
                               std::string machine_run)
    : store_(store),
      ledger_(audit.NewLedger(metrics)),
      recorded_(recorded_file, store.revision(), std::move(machine_run)),
      is_filling_(is_new) {
  if (ledger_ == nullptr) return;
  MutexLock lock(mutex_);
  const uint64_t revision = store.revision();
  AddMissing(revision);
  // A store may have been put back to an earlier state.
  if (Write()) recorded_.Set(revision);
}

void ChangeRecorder::Changed(const store::Applied& applied) {
  if (ledger_ == nullptr) return;
  MutexLock lock(mutex_);
  if (is_filling_) return;
  AddMissing(applied.revision - 1);
  bool is_recorded = true;
  for (const fhir::ResourceKey& key : applied.keys) {
    if (!IsRecorded(key.type)) continue;
    Add(key, applied.revision);
    if (ledger_->added() >= kMaxRecordsPerWrite) {
      is_recorded = Write() && is_recorded;
    }
  }
  // A change counts whether it is recorded or not; what fails is counted.
  is_recorded = Write() && is_recorded;
  if (is_recorded) recorded_.Set(applied.revision);
}

void ChangeRecorder::Filled() {
  if (ledger_ == nullptr) return;
  MutexLock lock(mutex_);
  if (!is_filling_) return;
  is_filling_ = false;
  const uint64_t revision = store_.revision();
  AddEvent("loaded", revision);
  if (Write()) recorded_.Set(revision);
}

void ChangeRecorder::Sync(const std::function<absl::Status()>& sync) {
  if (ledger_ == nullptr) return;
  uint64_t recorded = 0;
  {
    MutexLock lock(mutex_);
    recorded = recorded_.get();
    if (recorded_.synced() == recorded) return;
  }
  if (!sync().ok()) return;
  MutexLock lock(mutex_);
  recorded_.SetSynced(recorded);
}

void ChangeRecorder::AddMissing(uint64_t last) {
  const uint64_t first = recorded_.get() + 1;
  if (first > last) return;
  AddEvent(StrCat("unrecorded ", first, "-", last), last);
}

void ChangeRecorder::AddEvent(std::string_view event, uint64_t revision) {
  audit::Record record;
  record.kind = audit::RecordKind::kChange;
  record.time = absl::Now();
  record.event = event;
  record.revision = revision;
  ledger_->Add(record);
}

bool ChangeRecorder::Write() { return ledger_->Write().ok(); }

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

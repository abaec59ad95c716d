#include "pdp/kept_history.h"

#include <memory>
#include <utility>
#include <vector>

#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/sync/history_lookup.h"

namespace pdp {
namespace {

// A sweep sees all that is kept, a part with each call.
constexpr absl::Duration kSweepInterval = absl::Hours(1);
constexpr size_t kEntriesAtOnce = 2'000;

void LogFailure(const absl::Status& status) {
  Log(Severity::kError, "history_not_kept",
      {{"error", ToStd(status.message())}});
}

}  // namespace

absl::StatusOr<service::PastPolicies> KeptHistory::At(absl::Time time) const {
  return From(store_.HistoryAt(time));
}

absl::StatusOr<service::PastPolicies> KeptHistory::At(uint64_t revision,
                                                      absl::Time time) const {
  return From(store_.HistoryAt(revision, time));
}

absl::StatusOr<service::PastPolicies> KeptHistory::From(
    absl::StatusOr<std::unique_ptr<store::HistoryView>> view) const {
  PDP_RETURN_IF_ERROR(view.status());
  service::PastPolicies past;
  past.revision = (*view)->revision();
  PDP_ASSIGN_OR_RETURN(std::vector<store::Block> blocks, (*view)->Blocks());
  for (store::Block& block : blocks) {
    past.blocks.push_back({.target = block.target.ToString(),
                           .since = block.since,
                           .until = block.until,
                           .reason = std::move(block.reason),
                           .deadline = -absl::InfiniteDuration()});
  }
  past.lookup =
      std::make_unique<const sync::HistoryLookup>(*std::move(view), now_);
  return past;
}

void KeptHistory::Maintain() {
  if (!has_begun_) {
    const absl::Status begun = store_.BeginHistory();
    if (!begun.ok()) return LogFailure(begun);
    has_begun_ = true;
  }
  const absl::Time now = clock_.Now();
  if (!is_sweeping_) {
    if (now < next_sweep_) return;
    is_sweeping_ = true;
    sweeps_before_ = now - retention_;
    next_sweep_ = now + kSweepInterval;
  }
  const absl::StatusOr<bool> done =
      store_.SweepHistory(sweeps_before_, kEntriesAtOnce);
  if (!done.ok()) return LogFailure(done.status());
  is_sweeping_ = !*done;
}

}  // namespace pdp

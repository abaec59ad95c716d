// KeptHistory: the store's history, as the service asks for it and as the
// server keeps it bounded.

#ifndef PDP_KEPT_HISTORY_H_
#define PDP_KEPT_HISTORY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/service/policy_history.h"
#include "store/store.h"

namespace pdp {

class KeptHistory final : public service::PolicyHistory {
 public:
  // Both must outlive the history.  What was replaced longer ago than
  // `retention` is forgotten.
  KeptHistory(store::Store& store, const fhir::ResourceLookup& now,
              absl::Duration retention, const Clock& clock = Clock::Real())
      : store_(store), now_(now), retention_(retention), clock_(clock) {}

  absl::StatusOr<service::PastPolicies> At(absl::Time time) const override;
  absl::StatusOr<service::PastPolicies> At(uint64_t revision,
                                           absl::Time time) const override;

  // To be called now and then, from one thread, once the source was read whole:
  // history begins, and a little of what is past the retention is forgotten.
  void Maintain();

 private:
  absl::StatusOr<service::PastPolicies> From(
      absl::StatusOr<std::unique_ptr<store::HistoryView>> view) const;

  store::Store& store_;
  const fhir::ResourceLookup& now_;
  const absl::Duration retention_;
  const Clock& clock_;
  bool has_begun_ = false;
  absl::Time next_sweep_;
  absl::Time sweeps_before_;  // Of the sweep under way.
  bool is_sweeping_ = false;
};

}  // namespace pdp

#endif  // PDP_KEPT_HISTORY_H_

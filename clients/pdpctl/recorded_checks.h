// Recorded decisions as checks, to be asked again.

#ifndef PDP_CLIENTS_PDPCTL_RECORDED_CHECKS_H_
#define PDP_CLIENTS_PDPCTL_RECORDED_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/pdpctl/audit_filters.h"
#include "clients/pdpctl/simulate_input.h"

namespace pdp::ctl {

struct RecordedChecks {
  // Each question once, named by the first decision of it and how many there
  // were.
  std::vector<NamedCheck> checks;
  uint64_t decisions = 0;  // That match.
  // Of these, those that cannot be asked again: writes, whose content is not
  // recorded, and decisions of nobody who is known.
  uint64_t left_out = 0;
};

// More different questions than this are not kept.
inline constexpr size_t kMaxRecordedChecks = 1'000'000;

// What was decided about single resources in the logs of `directories` (Check,
// FilterResources).  ResourceExhausted: too many different questions.
// DataLoss: a line is no record; the message says where.
absl::StatusOr<RecordedChecks> ReadRecordedChecks(
    const std::vector<std::string>& directories, const AuditFilters& filters,
    size_t max_checks = kMaxRecordedChecks);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RECORDED_CHECKS_H_

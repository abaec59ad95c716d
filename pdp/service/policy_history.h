// PolicyHistory: what said who may do what, as it was here at some time.

#ifndef PDP_SERVICE_POLICY_HISTORY_H_
#define PDP_SERVICE_POLICY_HISTORY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/blocks.h"

namespace pdp::service {

struct PastPolicies {
  // Projects, policies, memberships and the like of then, other resources of
  // now.
  std::unique_ptr<const fhir::ResourceLookup> lookup;
  // Those that were kept, ended ones too; they end by the time of day alone.
  std::vector<policy::Block> blocks;
  uint64_t revision = 0;
};

// Thread-safe.  Reads from disk: not for a thread that decides.
class PolicyHistory {
 public:
  virtual ~PolicyHistory() = default;

  // What was in force at `time`; or at `revision`, which was noted at `time`.
  // OutOfRange, with a sentence for whoever asks: nothing is kept of it.
  virtual absl::StatusOr<PastPolicies> At(absl::Time time) const = 0;
  virtual absl::StatusOr<PastPolicies> At(uint64_t revision,
                                          absl::Time time) const = 0;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_POLICY_HISTORY_H_

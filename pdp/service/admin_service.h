// AdminService: the PdpAdmin service, free of any transport.

#ifndef PDP_SERVICE_ADMIN_SERVICE_H_
#define PDP_SERVICE_ADMIN_SERVICE_H_

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/blocks.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/admin_backend.h"
#include "pdp/service/data_state.h"
#include "pdp/service/shadow.h"

namespace medplum::pdp::v1 {
class BlockRequest;
class BlockResponse;
class CheckpointRequest;
class CheckpointResponse;
class GetStatusResponse;
class LintPoliciesRequest;
class LintPoliciesResponse;
class ListMembershipsRequest;
class ListMembershipsResponse;
class ResyncResponse;
class UnblockRequest;
class UnblockResponse;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// How old data may be (DecisionServiceOptions).
struct StalenessBounds {
  absl::Duration stale_after = absl::Seconds(30);
  absl::Duration max_staleness = absl::Minutes(5);
};

// Thread-safe.
class AdminService {
 public:
  // All of them must outlive the service.  `shadow`: null where there is none.
  // `blocks`: null where nobody can be blocked.  `lookup`: what is linted; null
  // where nothing is.
  AdminService(const policy::DecisionPoint& decision_point,
               const DataState& data, AdminBackend& backend,
               const Shadow* shadow = nullptr,
               policy::BlockKeeper* blocks = nullptr,
               const fhir::ResourceLookup* lookup = nullptr,
               const StalenessBounds& bounds = {})
      : decision_point_(decision_point),
        data_(data),
        backend_(backend),
        shadow_(shadow),
        blocks_(blocks),
        lookup_(lookup),
        bounds_(bounds),
        started_at_(absl::Now()) {}

  void GetStatus(v1::GetStatusResponse& response) const;

  // These take their time.
  absl::Status Resync(v1::ResyncResponse& response);
  absl::Status Checkpoint(const v1::CheckpointRequest& request,
                          v1::CheckpointResponse& response);
  absl::Status Block(const v1::BlockRequest& request,
                     v1::BlockResponse& response);
  absl::Status Unblock(const v1::UnblockRequest& request,
                       v1::UnblockResponse& response);
  absl::Status LintPolicies(const v1::LintPoliciesRequest& request,
                            v1::LintPoliciesResponse& response) const;
  absl::Status ListMemberships(const v1::ListMembershipsRequest& request,
                               v1::ListMembershipsResponse& response) const;

 private:
  const policy::DecisionPoint& decision_point_;
  const DataState& data_;
  AdminBackend& backend_;
  const Shadow* const shadow_;
  policy::BlockKeeper* const blocks_;
  const fhir::ResourceLookup* const lookup_;
  const StalenessBounds bounds_;
  const absl::Time started_at_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_ADMIN_SERVICE_H_

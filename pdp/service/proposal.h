// Proposal: policies, memberships and the like as they might be, for Simulate.

#ifndef PDP_SERVICE_PROPOSAL_H_
#define PDP_SERVICE_PROPOSAL_H_

#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"

namespace medplum::pdp::v1 {
class SimulateRequest;
}

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

struct Proposal {
  std::vector<fhir::ResourcePtr> resources;
  std::vector<fhir::ResourceKey> deleted;
};

// Reads what `request` proposes.  A resource without meta.project gets that of
// the stored one; a Project is its own, a ProjectMembership's is in `project`.
//
// InvalidArgument, beginning with the field, `proposed[3]: ...`: not a resource
// of these types, without an id, in no project, or one that policies could not
// be read from; a resource that is there twice; a deleted one that is not here.
// ResourceExhausted: past a limit.
absl::StatusOr<Proposal> ReadProposal(const v1::SimulateRequest& request,
                                      const fhir::ResourceLookup& stored,
                                      const fhir::ParseLimits& limits);

}  // namespace pdp::service

#endif  // PDP_SERVICE_PROPOSAL_H_

// Write constraints: what must be true of a resource for a write to be allowed
// (semantics S-19).

#ifndef PDP_POLICY_WRITE_CONSTRAINT_H_
#define PDP_POLICY_WRITE_CONSTRAINT_H_

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/compile.h"

namespace pdp::policy {

// Whether `constraint` is exactly true of `after`, which takes the place of
// `before`; null where there was nothing.
//
// An error is one in Medplum too, but for Unimplemented and ResourceExhausted.
absl::StatusOr<bool> Holds(const CompiledConstraint& constraint,
                           const fhir::Resource* before,
                           const fhir::Resource& after,
                           fhir::fhirpath::Scratch& scratch);

}  // namespace pdp::policy

#endif  // PDP_POLICY_WRITE_CONSTRAINT_H_

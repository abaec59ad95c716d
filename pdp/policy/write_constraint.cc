#include "pdp/policy/write_constraint.h"

#include "pdp/base/status_macros.h"

namespace pdp::policy {

using fhir::fhirpath::RootOf;
using fhir::fhirpath::Value;
using fhir::fhirpath::Variable;

absl::StatusOr<bool> Holds(const CompiledConstraint& constraint,
                           const fhir::Resource* before,
                           const fhir::Resource& after,
                           fhir::fhirpath::Scratch& scratch) {
  PDP_RETURN_IF_ERROR(constraint.status);
  const Value root = RootOf(after.root());
  const Variable variables[] = {
      {"before", before != nullptr ? RootOf(before->root()) : Value()},
      {"after", root}};
  PDP_ASSIGN_OR_RETURN(
      const fhir::fhirpath::Collection result,
      constraint.expression->Evaluate(root, variables, scratch));
  return fhir::fhirpath::IsExactlyTrue(result);
}

}  // namespace pdp::policy

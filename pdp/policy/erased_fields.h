// What erasing readonly and hidden fields leaves must still be valid, or
// Medplum refuses the write (semantics S-17.11).

#ifndef PDP_POLICY_ERASED_FIELDS_H_
#define PDP_POLICY_ERASED_FIELDS_H_

#include <span>
#include <string>
#include <string_view>

#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"

namespace pdp::policy {

// What is wrong with `resource` now that the fields `paths` were erased: an
// item of an array that is left empty, or a constraint of FHIR's that is not
// true of the resource or of an element that held such a field.  Empty where
// nothing is.
std::string ErasureProblem(const fhir::Resource& resource,
                           std::span<const std::string_view> paths,
                           fhir::fhirpath::Scratch& scratch);

}  // namespace pdp::policy

#endif  // PDP_POLICY_ERASED_FIELDS_H_

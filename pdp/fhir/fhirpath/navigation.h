// Members of items: `name`, `value` for `valueQuantity`, leading type names.

#ifndef PDP_FHIR_FHIRPATH_NAVIGATION_H_
#define PDP_FHIR_FHIRPATH_NAVIGATION_H_

#include <string_view>

#include "absl/status/status.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

// Appends what the member `name` of `item` holds, with the types of the schema
// where it knows the member and with guessed ones where it does not.  A
// resource that has this type is itself its member.
absl::Status Navigate(Evaluator& evaluator, const Value& item,
                      std::string_view name, Collection& out);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_NAVIGATION_H_

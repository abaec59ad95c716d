// Which elements FHIR's definitions demand (minimum cardinality above zero).
// Generated like the rest of definitions/.

#ifndef PDP_FHIR_REQUIRED_ELEMENTS_H_
#define PDP_FHIR_REQUIRED_ELEMENTS_H_

#include <string>
#include <string_view>

#include "pdp/fhir/json.h"

namespace pdp::fhir {

// Whether an element of `type` called `name` (`value` for `value[x]`) must be
// there.
bool IsRequiredElement(std::string_view type, std::string_view name);

// The first of the elements on the dotted `path` that `resource` lacks although
// it must have it: "Patient.communication.language".  Empty where none.
std::string MissingRequiredElement(JsonElement resource, std::string_view path);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_REQUIRED_ELEMENTS_H_

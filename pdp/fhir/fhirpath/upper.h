// String.prototype.toUpperCase: the full, locale-free mapping.

#ifndef PDP_FHIR_FHIRPATH_UPPER_H_
#define PDP_FHIR_FHIRPATH_UPPER_H_

#include <string>
#include <string_view>

namespace pdp::fhir::fhirpath {

std::string ToUpper(std::string_view text);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_UPPER_H_

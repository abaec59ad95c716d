// FHIRPath text to a tree.

#ifndef PDP_FHIR_FHIRPATH_PARSER_H_
#define PDP_FHIR_FHIRPATH_PARSER_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/ast.h"

namespace pdp::fhir::fhirpath {

// Errors are those of Expression::Compile.
absl::StatusOr<std::unique_ptr<const ast::Node>> Parse(std::string_view text);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_PARSER_H_

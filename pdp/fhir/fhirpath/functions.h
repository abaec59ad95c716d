// The functions of FHIRPath that Medplum has, by name.  Their bodies are in one
// file per family.

#ifndef PDP_FHIR_FHIRPATH_FUNCTIONS_H_
#define PDP_FHIR_FHIRPATH_FUNCTIONS_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/fhir/fhirpath/ast.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

class Evaluator;

using Items = std::span<const Value>;

// What the first argument is, where it is no ordinary expression.
enum class FirstArgument { kExpression, kType, kPattern };

struct Function {
  std::string_view name;
  size_t min_arguments = 0;  // More than a function reads are ignored.
  // Appends to `out`.
  absl::Status (*body)(Evaluator& evaluator, const ast::Node& call, Items input,
                       Collection& out) = nullptr;
  FirstArgument first_argument = FirstArgument::kExpression;
};

// Null where Medplum has no such function.
const Function* FindFunction(std::string_view name);

std::span<const Function> ExistenceFunctions();
std::span<const Function> FilteringFunctions();
std::span<const Function> SubsettingFunctions();
std::span<const Function> StringFunctions();
std::span<const Function> ConversionFunctions();
std::span<const Function> MathFunctions();
std::span<const Function> NavigationFunctions();
std::span<const Function> UtilityFunctions();

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_FUNCTIONS_H_

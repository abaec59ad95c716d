// Arithmetic and order, over numbers, quantities and, as in JavaScript,
// everything else.

#ifndef PDP_FHIR_FHIRPATH_ARITHMETIC_H_
#define PDP_FHIR_FHIRPATH_ARITHMETIC_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/ast.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

// `left kind right`: nothing where a side is empty.
absl::Status Calculate(Evaluator& evaluator, ast::Kind kind,
                       const Collection& left, const Collection& right,
                       Collection& out);

// The unary minus.
absl::Status Negate(Evaluator& evaluator, const Collection& operand,
                    Collection& out);

// `quantity` with another number.
Value WithNumber(Evaluator& evaluator, const Value& quantity, double number);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_ARITHMETIC_H_

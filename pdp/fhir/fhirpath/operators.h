// Operators on collections that are no comparison and no arithmetic.  Each
// appends its result to `out`.

#ifndef PDP_FHIR_FHIRPATH_OPERATORS_H_
#define PDP_FHIR_FHIRPATH_OPERATORS_H_

#include "absl/status/status.h"
#include "pdp/fhir/fhirpath/ast.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

absl::Status AppendBoolean(Evaluator& evaluator, bool value, Collection& out);

// Three-valued logic.  InvalidArgument: an operand that is neither empty nor
// one item of type boolean.
absl::Status CombineBooleans(Evaluator& evaluator, ast::Kind kind,
                             const Collection& left, const Collection& right,
                             Collection& out);

absl::Status Concatenate(Evaluator& evaluator, const Collection& left,
                         const Collection& right, Collection& out);

absl::Status In(Evaluator& evaluator, const Collection& left,
                const Collection& right, Collection& out);
absl::Status Contains(Evaluator& evaluator, const Collection& left,
                      const Collection& right, Collection& out);

bool HasType(const Value& value, const ast::TypeSpecifier& type);
absl::Status Is(Evaluator& evaluator, const Collection& left,
                const ast::TypeSpecifier& type, Collection& out);
absl::Status As(Evaluator& evaluator, Items left,
                const ast::TypeSpecifier& type, Collection& out);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_OPERATORS_H_

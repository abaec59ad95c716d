// Equality and equivalence as Medplum defines them (semantics S-20).

#ifndef PDP_FHIR_FHIRPATH_EQUALITY_H_
#define PDP_FHIR_FHIRPATH_EQUALITY_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

// One item against one other.  Objects are equal with their types and the paths
// they were reached by.
absl::StatusOr<bool> ItemsEqual(Evaluator& evaluator, const Value& a,
                                const Value& b);

// `=` and, negated, `!=`: nothing where a side is empty.
absl::Status Equals(Evaluator& evaluator, const Collection& left,
                    const Collection& right, bool negate, Collection& out);

// `~` and `!~`.
absl::Status Equivalent(Evaluator& evaluator, const Collection& left,
                        const Collection& right, bool negate, Collection& out);

// The items that equal none before them.
absl::Status AppendDistinct(Evaluator& evaluator, const Collection& items,
                            Collection& out);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_EQUALITY_H_

// Compile: an entry of an AccessPolicy, parameters in place, becomes the tests
// that are run for every decision.
//
// A CompiledEntry is immutable, and shared by every membership whose entry
// reads the same.

#ifndef PDP_POLICY_COMPILE_H_
#define PDP_POLICY_COMPILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "pdp/fhir/element_set.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/access_policy.h"

namespace pdp::policy {

struct CompiledConstraint {
  std::string text;
  // Null where `status` is not OK.
  std::shared_ptr<const fhir::fhirpath::Expression> expression;
  absl::Status status;
};

struct CompiledEntry {
  PolicyEntry source;
  fhir::InteractionSet interactions = 0;  // Granted in memory (S-6).
  // Considered by the database (S-14): it does not look at `readonly`.
  fhir::InteractionSet durable_interactions = 0;
  bool is_wildcard = false;

  bool has_criteria = false;
  fhir::search::Criteria criteria;
  absl::Status criteria_status;  // Not OK: evaluating the entry is an error.
  // The criteria begins with `<resourceType>?`.
  bool criteria_has_prefix = false;
  // Strict mode grants nothing through it: no prefix, or no filters.
  bool is_malformed = false;

  std::vector<CompiledConstraint> constraints;

  // What telling whether the entry matches reads of a resource.
  fhir::ElementSet elements;
};

// Never fails: what cannot be compiled is an entry that errs when it is
// evaluated.
std::shared_ptr<const CompiledEntry> Compile(PolicyEntry entry);

// One test a line, for tests, logs and `pdpctl`.
std::string Print(const CompiledEntry& entry);

}  // namespace pdp::policy

#endif  // PDP_POLICY_COMPILE_H_

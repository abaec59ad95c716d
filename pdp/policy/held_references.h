// The references that a resource holds, which Medplum looks at before it is
// stored (semantics S-16).

#ifndef PDP_POLICY_HELD_REFERENCES_H_
#define PDP_POLICY_HELD_REFERENCES_H_

#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/resource.h"

namespace pdp::policy {

struct HeldReference {
  std::string path;        // `Observation.subject`.
  std::string_view value;  // In the resource.
  // Checked by Medplum's own rights, not by the subject's.
  bool is_by_system = false;
};

// Every Reference with a `reference`, but those in meta.
std::vector<HeldReference> HeldReferences(const fhir::Resource& resource);

}  // namespace pdp::policy

#endif  // PDP_POLICY_HELD_REFERENCES_H_

// Honoring Obligation::kHiddenFields.

#ifndef MEDPLUM_PDP_HIDDEN_FIELDS_H_
#define MEDPLUM_PDP_HIDDEN_FIELDS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "medplum_pdp/decision.h"

namespace medplum_pdp {

// `resource` (JSON) without the fields that `decision` hides, every other byte
// as it was; of a history, a version `meta.versionId` without its own.  Paths
// lead into the items of an array, one level; `value[x]` is each choice of
// type.
//
// FailedPrecondition: `decision` does not permit.  InvalidArgument: not the
// JSON of a resource, or a path cannot be followed.  Show nothing then.
absl::StatusOr<std::string> RemoveHiddenFields(std::string_view resource,
                                               const Decision& decision);

}  // namespace medplum_pdp

#endif  // MEDPLUM_PDP_HIDDEN_FIELDS_H_

// Removing fields by path: what `hiddenFields` and `readonlyFields` of an
// AccessPolicy do to a resource (semantics S-18).
//
// A path is member names joined by `.`, such as `name.family`.  A name that
// ends with `[x]` stands for every choice of that element: `value[x]` for
// `valueString`, `valueQuantity` and so on.  Every step but the first looks
// into the items of an array, one level deep.  The extensions of a primitive
// (`_birthDate`) are members of their own: removing `birthDate` leaves them.

#ifndef PDP_FHIR_FIELD_PATH_H_
#define PDP_FHIR_FIELD_PATH_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pdp::fhir {

struct FieldRemoval {
  std::string json;    // `resource` without the fields.
  size_t removed = 0;  // Members removed, each counted once.
};

// `resource` without the members that `paths` name, and without the commas that
// stood between them and what is left; every other byte stays as it is.
//
// InvalidArgument: a path leads into an array with a null item, which Medplum
// answers with 400.
// REQUIRES: `resource` is the text of a Resource.
absl::StatusOr<FieldRemoval> RemoveFields(
    std::string_view resource, std::span<const std::string_view> paths);

// Whether the member `key` is what the path segment `segment` names.
bool SegmentNames(std::string_view segment, std::string_view key);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_FIELD_PATH_H_

// References as Medplum follows them: by their first two segments, so that
// `Patient/1/_history/2` leads to Patient/1.

#ifndef PDP_FHIR_REFERENCE_H_
#define PDP_FHIR_REFERENCE_H_

#include <optional>
#include <string_view>

#include "pdp/fhir/resource_key.h"

namespace pdp::fhir {

// Nothing where the reference leads to no resource of this server.
inline std::optional<ResourceKey> KeyOfReference(std::string_view reference) {
  const size_t id = reference.find('/') + 1;
  return ResourceKey::Parse(reference.substr(0, reference.find('/', id)));
}

}  // namespace pdp::fhir

#endif  // PDP_FHIR_REFERENCE_H_

// What a decision about a member reads because the member's ProjectMembership
// or Project names it, wherever it lives.

#ifndef PDP_SYNC_NAMED_RESOURCES_H_
#define PDP_SYNC_NAMED_RESOURCES_H_

#include <string_view>
#include <vector>

#include "pdp/fhir/resource_key.h"

namespace pdp::sync {

// Whether resources of `type` are read in whatever project they live: the
// server reads them without asking for the project (semantics S-1).
bool IsReadInAnyProject(std::string_view type);

// Each resource of such a type of which the JSON text `json` has a reference,
// once.  A text that merely looks like one counts too: what is named in vain
// costs a read, what is missed is not known.
std::vector<fhir::ResourceKey> NamedResources(std::string_view json);

}  // namespace pdp::sync

#endif  // PDP_SYNC_NAMED_RESOURCES_H_

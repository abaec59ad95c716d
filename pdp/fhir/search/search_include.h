// `_include` and `_revinclude`: the resources that a search answers besides
// those that it finds (semantics S-21).

#ifndef PDP_FHIR_SEARCH_SEARCH_INCLUDE_H_
#define PDP_FHIR_SEARCH_SEARCH_INCLUDE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/criteria.h"

namespace pdp::fhir::search {

// `Observation:subject`.  A third part, the type of what is referred to, is
// read and not heeded, as in Medplum.
struct Include {
  std::string resource_type;  // Of what refers.
  std::string code;
  bool is_reverse = false;  // `_revinclude`.
  bool iterates = false;    // `:iterate`: for what has been included, too.
};

// Those of `criteria` in Medplum's order: every `_include`, then every
// `_revinclude`.
std::vector<Include> IncludesOf(const Criteria& criteria);

// What resources refer to.
struct IncludeTargets {
  std::vector<ResourceKey> resources;
  // Canonical URLs, and the types whose resources they may name.
  std::vector<std::string> urls;
  std::vector<std::string> url_types;
};

// What `resources` refer to by `include`, which is not a reverse one.
//
// InvalidArgument: there is no such parameter (400).
// Unimplemented: not known here.
absl::StatusOr<IncludeTargets> IncludeTargetsOf(
    const Include& include, std::span<const ResourcePtr> resources,
    fhirpath::Scratch& scratch);

// The search for what refers to `resources` by `include`, a reverse one.
// Errors as above.
absl::StatusOr<Criteria> ReverseIncludeSearch(
    const Include& include, std::span<const ResourcePtr> resources);

// The search for the resources of `resource_type` that have one of `urls`.
//
// InvalidArgument: resources of this type have no url (400).
absl::StatusOr<Criteria> CanonicalSearch(std::string_view resource_type,
                                         std::span<const std::string> urls);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_SEARCH_INCLUDE_H_

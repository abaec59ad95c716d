// Whether a resource meets criteria by the rules of Medplum's database, which
// judge searches and the reads past its cache (semantics S-12).  They differ
// from the in-memory rules of match.h.

#ifndef PDP_FHIR_SEARCH_MATCH_DURABLE_H_
#define PDP_FHIR_SEARCH_MATCH_DURABLE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/fhir/search/criteria.h"

namespace pdp::fhir::search {

enum class DurableMatch : uint8_t {
  kUnknown = 0,  // Cannot be emulated; never to be taken for a match.
  kYes,
  kNo,
  kError,      // The server raises an error: 400.
  kForbidden,  // A chain into a type without a grant to search it: 403.
};

struct DurableResult {
  DurableMatch match = DurableMatch::kUnknown;
  std::string why;  // For kUnknown, kError and kForbidden: a sentence.
  // Of kNo: the row has no value, and the database knows neither the filter nor
  // its negation to hold.
  bool is_null = false;
};

// What a durable match needs beside the resource.
struct DurableEnvironment {
  // For chains and `_has`; may be null.
  const ResourceLookup* lookup = nullptr;
  // Whether the subject may search this type at all; null: every type.
  std::function<bool(std::string_view type)> may_search;
};

// The filters of `criteria` against `resource`, whose type is taken to be the
// searched type.  `resource` may be the stub of a deleted resource, which has
// kept no index values (semantics S-12.36): type, id and meta.project alone.
//
// kError and kForbidden concern the criteria, not the resource: they are found
// whatever the other filters say, and the first filter that has one decides
// which.
DurableResult MatchesDurably(const Criteria& criteria, const Resource& resource,
                             const DurableEnvironment& environment,
                             fhirpath::Scratch& scratch);

// Whether the server can make a database predicate of `criteria` for searching
// `resource_type`: kYes, or kError, kForbidden, kUnknown as above.
DurableResult CheckDurable(const Criteria& criteria,
                           std::string_view resource_type,
                           const DurableEnvironment& environment);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_MATCH_DURABLE_H_

// Runs searches by the rules of Medplum's database: those that a Filter
// answers, and a subject's own as Medplum would run it (semantics S-21).

#ifndef PDP_CLIENTS_PDPCTL_SEARCH_EXECUTOR_H_
#define PDP_CLIENTS_PDPCTL_SEARCH_EXECUTOR_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/pdpctl/judge.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"

namespace pdp::ctl {

// What somebody who runs searches is told.
struct SearchResult {
  int http_status = 200;
  std::string why;  // Where http_status is not 200.
  // `Type/id` of what any of the searches finds or includes on any of its
  // pages, sorted, each once.
  std::vector<std::string> ids;
};

// Runs `queries`, each `Type?a=b&c=d`, over all resources of `lookup`, as a
// token that may see everything: parameters, `_filter`, chains and includes.
//
// Unimplemented: a query cannot be emulated; the message says why.
absl::StatusOr<SearchResult> ExecuteSearches(
    const fhir::ResourceLookup& lookup,
    const std::vector<std::string>& queries);

// How far a subject's searches and reads reach, as a decision point tells.
class SearchReach {
 public:
  virtual ~SearchReach() = default;

  // What Filter answers for `type` and no query.
  virtual const SearchAnswer& Filter(std::string_view type) = 0;

  // Whether the subject may read the resource from Medplum's cache, and from
  // its database as far as that is known: then an `_include` shows it.
  virtual absl::StatusOr<bool> MayRead(const fhir::ResourceKey& key) = 0;
};

// Runs `type`?`query` as the subject of `reach`: the query's parameters, chains
// and includes, over those resources that the subject may find.
//
// Unimplemented: the query cannot be emulated; the message says why.
absl::StatusOr<SearchResult> SearchAsSubject(const fhir::ResourceLookup& lookup,
                                             SearchReach& reach,
                                             std::string_view type,
                                             std::string_view query);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SEARCH_EXECUTOR_H_

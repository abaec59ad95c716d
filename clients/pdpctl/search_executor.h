// Runs the searches that a Filter answers, by the rules of Medplum's database.

#ifndef PDP_CLIENTS_PDPCTL_SEARCH_EXECUTOR_H_
#define PDP_CLIENTS_PDPCTL_SEARCH_EXECUTOR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/resource_lookup.h"

namespace pdp::ctl {

// What somebody who runs searches is told.
struct SearchResult {
  int http_status = 200;
  std::string why;  // Where http_status is not 200.
  // `Type/id` of what any of the searches finds, sorted, each once.
  std::vector<std::string> ids;
};

// Runs `queries`, each `Type?a=b&c=d`, over all resources of `lookup`, as a
// token that may see everything.
//
// Unimplemented: a query cannot be emulated; the message says why.
absl::StatusOr<SearchResult> ExecuteSearches(
    const fhir::ResourceLookup& lookup,
    const std::vector<std::string>& queries);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SEARCH_EXECUTOR_H_

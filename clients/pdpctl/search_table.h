// The rows of a type for which a search's predicate holds.

#ifndef PDP_CLIENTS_PDPCTL_SEARCH_TABLE_H_
#define PDP_CLIENTS_PDPCTL_SEARCH_TABLE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::ctl {

// Unimplemented: `query` cannot be emulated, and `why`.
absl::Status CannotBeTold(std::string_view query, std::string_view why);

// How a search ends early: what its caller is told.
struct Refusal {
  int http_status = 0;
  std::string why;
};

// Some of `any_of`, where there are any, and all of `all`.
struct Predicate {
  std::vector<fhir::search::Criteria> any_of;
  const fhir::search::Criteria* all = nullptr;
};

class Table {
 public:
  // `may_search`: the types that the subject's chains may lead to.  Null for
  // somebody who may see everything.  `lookup` must outlive the Table.
  Table(const fhir::ResourceLookup& lookup,
        std::function<bool(std::string_view)> may_search);

  // Why the server cannot make a predicate of the caller's `criteria`.
  std::optional<Refusal> Check(const fhir::search::Criteria& criteria,
                               std::string_view type) const;

  // Appends what is found; `refusal` is set where the search ends with an
  // error.
  //
  // Unimplemented: for a row the predicate cannot be told.
  absl::Status Find(std::string_view type, const Predicate& predicate,
                    std::optional<Refusal>& refusal,
                    std::vector<fhir::ResourcePtr>& found) const;

 private:
  fhir::search::DurableResult Match(const Predicate& predicate,
                                    const fhir::Resource& resource) const;

  fhir::search::DurableEnvironment privileged_;
  fhir::search::DurableEnvironment as_subject_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SEARCH_TABLE_H_

// The control parameters of a search, as Medplum reads them: those that say how
// results are shown, and not which (semantics S-8, S-21).

#ifndef PDP_CLIENTS_PDPCTL_SEARCH_CONTROLS_H_
#define PDP_CLIENTS_PDPCTL_SEARCH_CONTROLS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "pdp/fhir/search/criteria.h"

namespace pdp::ctl {

struct SearchControls {
  // `_type`: searched instead of the type that the search names.
  std::vector<std::string> types;
  // `_count` asks for no result at all, or cannot be read.
  bool shows_nothing = false;
  // The number of results is asked for, `_total` or `_summary=count`.
  bool counts = false;
  int64_t offset = 0;
  bool has_cursor = false;
  std::vector<std::string> sort_codes;  // Without `-`.
};

SearchControls ReadControls(const fhir::search::Criteria& criteria);

// Why Medplum refuses the search with 400; "" where it does not.
std::string ControlsError(const SearchControls& controls,
                          const fhir::search::Criteria& criteria);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SEARCH_CONTROLS_H_

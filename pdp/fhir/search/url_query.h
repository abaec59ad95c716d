// The query part of a URL, as WHATWG's URLSearchParams reads it.

#ifndef PDP_FHIR_SEARCH_URL_QUERY_H_
#define PDP_FHIR_SEARCH_URL_QUERY_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pdp::fhir::search {

// The keys and values of `query`, in their order, decoded: `+` is a space, an
// invalid `%` sequence stays as it is, what is not UTF-8 becomes U+FFFD.  In a
// key or value with `%` sequences of which some are invalid, characters that
// are not ASCII are garbled the way Node.js garbles them.
std::vector<std::pair<std::string, std::string>> ParseUrlQuery(
    std::string_view query);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_URL_QUERY_H_

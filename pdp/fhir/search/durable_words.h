// The words that the database's text search (its `simple` configuration) cuts a
// text into.

#ifndef PDP_FHIR_SEARCH_DURABLE_WORDS_H_
#define PDP_FHIR_SEARCH_DURABLE_WORDS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pdp::fhir::search {

// The words of `text` in their order, letter case kept.  Of a hyphenated word
// the whole comes first, then its parts.  Nothing where the text holds what may
// be cut in a way not known here: hosts, paths, numbers with points, scripts
// that are not listed.
std::optional<std::vector<std::string>> WordsOf(std::string_view text);

// The words that a search for `value` asks for: the server puts spaces in the
// place of everything but letters, digits and hyphens.  Each item is one piece
// between spaces; nothing where a character is not known to be a letter or
// none.
std::optional<std::vector<std::string>> SearchedPieces(std::string_view value);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_WORDS_H_

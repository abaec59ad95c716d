// The durable matchers, one for each way of storing values.  `Check...` says
// whether the server can make a predicate of a filter at all; `Match...` is for
// filters that passed.  `Has...` is what `:missing` asks: whether the row has a
// value.

#ifndef PDP_FHIR_SEARCH_DURABLE_MATCH_H_
#define PDP_FHIR_SEARCH_DURABLE_MATCH_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/durable_column.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::fhir::search {

inline DurableResult DurableSound() { return {DurableMatch::kYes, ""}; }
inline DurableResult DurableAnswer(bool matches) {
  return {matches ? DurableMatch::kYes : DurableMatch::kNo, ""};
}
// A comparison with a value that is not there: neither true nor false.
inline DurableResult DurableNull() { return {DurableMatch::kNo, "", true}; }
inline DurableResult DurableUnknown(std::string why) {
  return {DurableMatch::kUnknown, std::move(why)};
}
inline DurableResult DurableError(std::string why) {
  return {DurableMatch::kError, std::move(why)};
}
inline DurableResult WrongModifier(const Filter& filter) {
  return DurableError(
      StrCat("`", filter.code, "` cannot be searched by with its modifier"));
}

// Three-valued, like the database's.
enum class Truth : uint8_t { kNo, kYes, kUnknown };
inline Truth ToTruth(bool value) { return value ? Truth::kYes : Truth::kNo; }

// `kYes` or `kNo` where the database's collation, which decides how letters
// outside ASCII are lowered, does not matter.  `wanted` is not lowered yet.
Truth ContainsIgnoringCase(std::string_view text, std::string_view wanted);
Truth StartsWithIgnoringCase(std::string_view text, std::string_view wanted);

// Plain texts.
DurableResult CheckBoolean(const Filter& filter);
DurableResult MatchBoolean(const Filter& filter,
                           const fhirpath::Collection& values);
DurableResult MatchText(const Filter& filter, const DurableColumn& column,
                        const fhirpath::Collection& values);
std::optional<bool> HasText(const Filter& filter,
                            const fhirpath::Collection& values);
DurableResult CheckString(const Filter& filter);
DurableResult MatchString(const Filter& filter, const DurableColumn& column,
                          const fhirpath::Collection& values);
std::optional<bool> HasString(const fhirpath::Collection& values);

// References, and canonical urls.
DurableResult CheckReference(const Filter& filter);
DurableResult MatchReference(const Filter& filter, const DurableColumn& column,
                             const fhirpath::Collection& values);
bool HasReference(const fhirpath::Collection& values);

// Tokens.
DurableResult CheckTokens(const Filter& filter);
DurableResult MatchTokens(const Filter& filter, const DurableColumn& column,
                          const fhirpath::Collection& values);
std::optional<bool> HasToken(const DurableColumn& column,
                             const fhirpath::Collection& values);
// `:identifier` of a reference.
DurableResult MatchReferenceIdentifier(const Filter& filter,
                                       const fhirpath::Collection& values);

// Dates and numbers.
DurableResult CheckDate(const Filter& filter);
DurableResult MatchDate(const Filter& filter, const DurableColumn& column,
                        const fhirpath::Collection& values);
std::optional<bool> HasDate(const fhirpath::Collection& values);
DurableResult CheckNumber(const Filter& filter, const DurableColumn& column);
DurableResult MatchNumber(const Filter& filter, const DurableColumn& column,
                          const fhirpath::Collection& values);
bool HasNumber(const fhirpath::Collection& values);

// Names and addresses, which the server looks up by their words.  `values` are
// whole HumanNames or Addresses, whatever part of them the filter is about.
DurableResult CheckWords(const Filter& filter);
DurableResult MatchWords(const Filter& filter,
                         const fhirpath::Collection& values);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_MATCH_H_

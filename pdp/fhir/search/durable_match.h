// The durable matchers, one for each way of storing values.  `Check...` says
// whether the server can make a predicate of a filter at all; `Match...` is for
// filters that passed.

#ifndef PDP_FHIR_SEARCH_DURABLE_MATCH_H_
#define PDP_FHIR_SEARCH_DURABLE_MATCH_H_

#include <string>

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

DurableResult CheckDate(const Filter& filter);
DurableResult MatchDate(const Filter& filter, const DurableColumn& column,
                        const fhirpath::Collection& values);

DurableResult CheckNumber(const Filter& filter, const DurableColumn& column);
DurableResult MatchNumber(const Filter& filter, const DurableColumn& column,
                          const fhirpath::Collection& values);

// Names and addresses, which the server looks up by their words.
DurableResult CheckWords(const Filter& filter);
DurableResult MatchWords(const Filter& filter, const DurableColumn& column,
                         const fhirpath::Collection& values);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_MATCH_H_

// Criteria: parsing, and both matchers.  The input is criteria in one line;
// what follows the line, where it is a resource, is matched with it, too.

#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/memory_lookup.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/filter_expression.h"
#include "pdp/fhir/search/match.h"
#include "pdp/fhir/search/match_durable.h"
#include "pdp/fhir/search/url_query.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/samples.h"

namespace pdp::fuzz {
namespace {

using fhir::search::DurableMatch;
using fhir::search::DurableResult;

const fhir::ResourceLookup& Lookup() {
  static const auto* const lookup = new fhir::MemoryLookup(Samples(), {});
  return *lookup;
}

bool IsRefused(const DurableResult& result) {
  return result.match == DurableMatch::kError ||
         result.match == DurableMatch::kForbidden;
}

void Match(fhir::search::Criteria criteria, const fhir::Resource& resource) {
  fhir::fhirpath::Scratch scratch;
  const auto memory =
      fhir::search::MatchesInMemory(criteria, resource, scratch);
  if (memory.ok() && *memory) {
    Require(criteria.resource_type == resource.type(),
            "only resources of the criteria's type match");
    for (const fhir::search::Filter& filter : criteria.filters) {
      Require(filter.parameter != nullptr,
              "a filter of an unknown parameter never matches");
    }
  }

  const fhir::search::DurableEnvironment environment = {.lookup = &Lookup()};
  const DurableResult check =
      fhir::search::CheckDurable(criteria, resource.type(), environment);
  const DurableResult durable =
      fhir::search::MatchesDurably(criteria, resource, environment, scratch);
  Require(durable.match == DurableMatch::kYes ||
              durable.match == DurableMatch::kNo || !durable.why.empty(),
          "what is no answer says why");
  if (IsRefused(check)) {
    Require(durable.match == check.match,
            "criteria that the server refuses match nothing");
  }

  // Filters are joined by and.
  if (criteria.filters.size() < 2) return;
  criteria.filters.pop_back();
  const auto fewer = fhir::search::MatchesInMemory(criteria, resource, scratch);
  if (memory.ok() && *memory) {
    Require(fewer.ok() && *fewer, "a filter more never matches more");
  }
  if (durable.match == DurableMatch::kYes) {
    const DurableResult wider =
        fhir::search::MatchesDurably(criteria, resource, environment, scratch);
    Require(wider.match == DurableMatch::kYes,
            "a filter more never matches more durably");
  }
}

}  // namespace

void RunInput(std::string_view input) {
  const size_t end = input.find('\n');
  const std::string_view text = input.substr(0, end);
  fhir::search::ParseUrlQuery(text);
  (void)fhir::search::ParseFilterExpression(text);
  const auto criteria = fhir::search::ParseCriteria(text);
  if (!criteria.ok()) return;
  fhir::search::Print(*criteria);

  for (const fhir::ResourcePtr& sample : Samples()) Match(*criteria, *sample);
  if (end == std::string_view::npos) return;
  const auto resource = fhir::Resource::Parse(input.substr(end + 1));
  if (resource.ok()) Match(*criteria, **resource);
}

}  // namespace pdp::fuzz

// Tables of criteria and resources with the database's answers.

#ifndef PDP_FHIR_SEARCH_DURABLE_CASES_H_
#define PDP_FHIR_SEARCH_DURABLE_CASES_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <string_view>

#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::fhir::search {

inline constexpr auto kYes = DurableMatch::kYes;
inline constexpr auto kNo = DurableMatch::kNo;
inline constexpr auto kError = DurableMatch::kError;
inline constexpr auto kUnknown = DurableMatch::kUnknown;
inline constexpr auto kForbidden = DurableMatch::kForbidden;

inline constexpr std::string_view kPatientId =
    "00000000-0000-4000-8000-0000000000aa";

inline constexpr std::string_view kPatient = R"({"resourceType":"Patient",
  "id":"00000000-0000-4000-8000-0000000000aa",
  "meta":{"project":"00000000-0000-4000-8000-000000000001",
    "lastUpdated":"2024-05-01T10:00:00.123Z","profile":["http://x/p"],
    "compartment":[
      {"reference":"Project/00000000-0000-4000-8000-000000000001"},
      {"reference":"Patient/00000000-0000-4000-8000-0000000000aa"}],
    "tag":[{"system":"T","code":"vip"}]},
  "active":true,"gender":"female","birthDate":"1990-02-28",
  "name":[{"given":["Ann"],"family":"Lee"}],
  "identifier":[{"system":"MRN","value":"A1"},{"value":"bare"}],
  "address":[{"line":["1 Main"],"city":"Springfield","state":"IL"}],
  "managingOrganization":{"reference":"Organization/o1"},
  "generalPractitioner":[{"reference":"Practitioner/d1"}]})";

inline constexpr std::string_view kEmptyPatient =
    R"({"resourceType":"Patient","id":"00000000-0000-4000-8000-0000000000bb"})";

inline DurableMatch Match(std::string_view text, std::string_view json,
                          const DurableEnvironment& environment = {}) {
  const absl::StatusOr<ResourcePtr> resource = Resource::Parse(json);
  EXPECT_TRUE(resource.ok()) << resource.status();
  const absl::StatusOr<Criteria> criteria = ParseCriteria(text);
  if (!criteria.ok()) return kError;
  fhirpath::Scratch scratch;
  const DurableResult result =
      MatchesDurably(*criteria, **resource, environment, scratch);
  const bool has_reason = !result.why.empty();
  EXPECT_EQ(has_reason, result.match != kYes && result.match != kNo);
  // What ends the matching is found without a resource too.
  const DurableResult check =
      CheckDurable(*criteria, (*resource)->type(), environment);
  EXPECT_EQ(check.match == kError, result.match == kError);
  EXPECT_EQ(check.match == kForbidden, result.match == kForbidden);
  return result.match;
}

struct DurableCase {
  std::string_view criteria;
  std::string_view resource;
  DurableMatch want;
};

template <size_t N>
void CheckCases(const DurableCase (&cases)[N],
                const DurableEnvironment& environment = {}) {
  for (const DurableCase& test : cases) {
    SCOPED_TRACE(test.criteria);
    SCOPED_TRACE(test.resource);
    EXPECT_EQ(Match(test.criteria, test.resource, environment), test.want);
  }
}

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_CASES_H_

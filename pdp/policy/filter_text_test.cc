// Several alternatives as one search with `_filter`.

#include "pdp/policy/filter_text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/filter_expression.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

std::string TextOf(std::string_view criteria) {
  const auto parsed = fhir::search::ParseCriteria(criteria);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const auto text = FilterTextOfAll(parsed->filters, parsed->resource_type);
  if (!text) return "";
  EXPECT_TRUE(fhir::search::ParseFilterExpression(*text).ok()) << *text;
  return *text;
}

TEST(FilterTextTest, EachFilterHasItsOperator) {
  const struct {
    const char* criteria;
    const char* want;
  } cases[] = {
      {"Patient?gender=male", "gender eq \"male\""},
      {"Patient?gender=male,female", "gender eq \"male,female\""},
      {"Patient?gender:not=male", "gender ne \"male\""},
      {"Patient?gender:missing=true", "gender pr false"},
      {"Patient?gender:missing=false", "gender pr true"},
      {"Patient?gender:present=true", "gender pr true"},
      {"Patient?gender:missing=foo", "gender pr true"},
      {"Patient?active=true", "active eq \"true\""},
      {"Patient?identifier=|A1", "identifier eq \"|A1\""},
      {"Patient?identifier=a%22b%5Cc", "identifier eq \"a\\\"b\\\\c\""},
      {"Patient?identifier:exact=x", "identifier eq \"x\""},
      {"Patient?organization=Organization/1",
       "organization eq \"Organization/1\""},
      {"Patient?organization:not=Organization/1",
       "organization ne \"Organization/1\""},
      {"Patient?organization:identifier=s|v",
       "organization identifier \"s|v\""},
      {"Patient?name=al", "name sw \"al\""},
      {"Patient?name:exact=Al", "name eq \"Al\""},
      {"Patient?name:contains=l", "name co \"l\""},
      {"Patient?name:not=al", "name ne \"al\""},
      {"Organization?name=al", "name sw \"al\""},
      {"Organization?name:exact=Al", "name eq \"Al\""},
      {"Organization?name:contains=l", "name co \"l\""},
      {"ValueSet?url=http://x", "url eq \"http://x\""},
      {"Patient?birthdate=2000-01-01", "birthdate eq \"2000-01-01\""},
      {"Patient?birthdate=ge2000-01-01", "birthdate ge \"2000-01-01\""},
      {"Patient?birthdate=ne2000-01-01", "birthdate ne \"2000-01-01\""},
      {"Observation?date=sa2000-01-01T00:00:00Z",
       "date sa \"2000-01-01T00:00:00Z\""},
      {"Observation?value-quantity=ap5|s|kg", "value-quantity ap \"5|s|kg\""},
      {"Observation?value-quantity=lt-5", "value-quantity lt \"-5\""},
      {"Patient?_id=1,2", "_id eq \"1,2\""},
      {"Patient?_project:missing=true", "_project pr false"},
      {"Patient?_compartment=Organization/1",
       "_compartment eq \"Organization/1\""},
      {"Patient?_compartment:missing=true", "_compartment eq \"true\""},
      {"Patient?organization.name=x", "organization.name sw \"x\""},
      {"Patient?organization.name:exact=x", "organization.name eq \"x\""},
      {"Observation?subject:Patient.birthdate=lt2000-01-01",
       "subject:Patient.birthdate lt \"2000-01-01\""},
      {"Patient?_filter=gender eq male or not (active eq true) // x",
       "(gender eq \"male\") or (not (active eq \"true\"))"},
      {"Patient?gender=male&active=true&name=x",
       "(gender eq \"male\") and ((active eq \"true\") and (name sw \"x\"))"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.criteria);
    EXPECT_EQ(TextOf(test.criteria), test.want);
  }
}

TEST(FilterTextTest, WhatCannotBeSaidIsNotSaid) {
  for (const std::string_view criteria :
       {"Patient?_has:Observation:subject:status=final",
        "Patient?identifier:text=x", "Patient?identifier:contains=x",
        "Patient?organization.active:not=true",
        "Patient?organization._filter=name eq x", "Patient?name:missing=true",
        "Patient?gender=a%0Ab", "Patient?color=red",
        "Patient?gender=male&_has:Observation:subject:status=final"}) {
    SCOPED_TRACE(criteria);
    EXPECT_EQ(TextOf(criteria), "");
  }
}

FilterAnswer Ask(std::string_view entries, std::string_view query) {
  testing::World world(testing::Clinic(entries), Mode::kStrict);
  FilterRequest request;
  request.subject.reference = "ProjectMembership/member";
  request.resource_type = "Patient";
  request.query = query;
  request.runner_is_privileged = false;
  FilterAnswer answer;
  EXPECT_TRUE(world.decision_point().Filter(request, answer).decided());
  return answer;
}

constexpr char kTwo[] =
    "[{'resourceType':'Patient','criteria':'Patient?active=true'},"
    "{'resourceType':'Patient','criteria':'Patient?gender=male&name=x'},"
    "{'resourceType':'Patient','criteria':'Patient?gender=other'}]";
constexpr char kUnsayable[] =
    "[{'resourceType':'Patient','criteria':'Patient?active=true'},"
    "{'resourceType':'Patient','criteria':'Patient?identifier:text=x'}]";

TEST(FilterTextTest, SeveralEntriesAreOneSearchBesideTheCallers) {
  constexpr char kFilter[] =
      "_filter=(active%20eq%20%22true%22)%20or%20(((gender%20eq%20%22male%22)"
      "%20and%20(name%20sw%20%22x%22))%20or%20(gender%20eq%20%22other%22))";
  EXPECT_EQ(Ask(kTwo, "").single_query, StrCat("Patient?", kFilter));
  EXPECT_EQ(Ask(kTwo, "_filter=name pr true").single_query,
            StrCat("Patient?", kFilter, "&_filter=name%20pr%20true"));
  EXPECT_EQ(Ask(kTwo, "").queries.size(), 3u);
  EXPECT_EQ(Ask(kUnsayable, "").single_query, "");
}

TEST(FilterTextTest, PagesAndOrdersAreThoseOfOneSearch) {
  for (const char* query : {"_count=5", "_sort=birthdate", "_offset=20",
                            "_total=accurate", "_summary=count"}) {
    SCOPED_TRACE(query);
    const FilterAnswer one = Ask(kTwo, query);
    EXPECT_EQ(one.queries, std::vector<std::string>{one.single_query});
    EXPECT_TRUE(one.single_query.ends_with(query)) << one.single_query;
    EXPECT_TRUE(one.inexact.empty());

    const FilterAnswer several = Ask(kUnsayable, query);
    EXPECT_EQ(several.queries.size(), 2u);
    ASSERT_EQ(several.inexact.size(), 1u);
    EXPECT_EQ(several.inexact[0],
              StrCat("`",
                     std::string_view(query).substr(
                         0, std::string_view(query).find('=')),
                     "` holds for each of the queries, not for their union"));
  }
  EXPECT_TRUE(Ask(kUnsayable, "gender=male").inexact.empty());
}

}  // namespace
}  // namespace pdp::policy

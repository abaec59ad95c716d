#include "pdp/fhir/search/match.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pdp/fhir/resource.h"

namespace pdp::fhir::search {
namespace {

enum Want { kNo, kYes, kError };

struct Case {
  std::string_view criteria;
  std::string_view resource;
  Want want;
};

Want Match(std::string_view text, std::string_view json) {
  const absl::StatusOr<ResourcePtr> resource = Resource::Parse(json);
  EXPECT_TRUE(resource.ok()) << resource.status();
  const absl::StatusOr<Criteria> criteria = ParseCriteria(text);
  if (!resource.ok() || !criteria.ok()) return kError;
  fhirpath::Scratch scratch;
  const absl::StatusOr<bool> matches =
      MatchesInMemory(*criteria, **resource, scratch);
  if (!matches.ok()) return kError;
  return *matches ? kYes : kNo;
}

template <size_t N>
void Check(const Case (&cases)[N]) {
  for (const Case& test : cases) {
    SCOPED_TRACE(test.criteria);
    SCOPED_TRACE(test.resource);
    EXPECT_EQ(Match(test.criteria, test.resource), test.want);
  }
}

constexpr std::string_view kPatient = R"({"resourceType":"Patient",
  "id":"0189b9d1-0000-4000-8000-0000000000Aa",
  "meta":{"project":"p1","lastUpdated":"2024-05-01T10:00:00.123Z",
    "compartment":[{"reference":"Project/p1"},{"reference":"Organization/o1"}],
    "profile":["http://x/profile"],
    "tag":[{"system":"T","code":"vip","display":"Very Important"}]},
  "active":true,"gender":"female","birthDate":"1990-02-28",
  "name":[{"given":["Khalid"],"family":"Ångström"},{"text":"KK"}],
  "identifier":[{"system":"MRN","value":"A1","type":{"text":"Chart"}},
    {"value":"bare"}],
  "telecom":[{"system":"email","value":"K@X.org"}],
  "address":[{"line":["1 Main St"],"city":"Springfield","state":"IL",
    "postalCode":"62701","country":"US"}],
  "managingOrganization":{"reference":"Organization/o1"},
  "generalPractitioner":[{"reference":"Practitioner/d1"},
    {"identifier":{"system":"npi","value":"7"}}]})";

constexpr std::string_view kEmptyPatient = R"({"resourceType":"Patient"})";

TEST(MatchTest, TypeDecidesFirst) {
  Check({
      {"Patient", kPatient, kYes},
      {"Patient?", kPatient, kYes},
      {"a/b/Patient", kPatient, kYes},
      {"Patient?_sort=name&_count=10", kPatient, kYes},
      {"Patient?_=1", kPatient, kYes},
      {"Practitioner", kPatient, kNo},
      {"*?gender=female", kPatient, kNo},
      {"identifier=123", kPatient, kNo},
      {"Practitioner?birthdate=2020-01-01T00:00:60Z", kPatient, kNo},
  });
}

TEST(MatchTest, EveryFilterMustMatch) {
  Check({
      {"Patient?gender=female&active=true", kPatient, kYes},
      {"Patient?gender=female&active=false", kPatient, kNo},
      {"Patient?gender=female&gender=male", kPatient, kNo},
      {"Patient?gender=male,female", kPatient, kYes},
  });
}

TEST(MatchTest, UnknownParametersNeverMatchEvenNegated) {
  Check({
      {"Patient?unknown=x", kPatient, kNo},
      {"Patient?unknown:not=x", kPatient, kNo},
      {"Patient?unknown:missing=true", kPatient, kNo},
      {"Patient?_filter=gender eq female", kPatient, kNo},
      {"Patient?_has:Observation:subject:code=1", kPatient, kNo},
      {"Patient?organization.name=x", kPatient, kNo},
      {"Patient?_text=x", kPatient, kNo},
      {"Patient?constructor:missing=true", kPatient, kNo},
      {"Patient?constructor=x", kPatient, kError},
      {"Binary?_id=x", R"({"resourceType":"Binary","id":"x"})", kNo},
  });
}

TEST(MatchTest, MissingAndPresentAskForValues) {
  Check({
      {"Patient?gender:missing=false", kPatient, kYes},
      {"Patient?gender:missing=true", kPatient, kNo},
      {"Patient?gender:missing=foo", kPatient, kNo},
      {"Patient?gender:missing=TRUE", kEmptyPatient, kYes},
      {"Patient?gender:missing=foo", kEmptyPatient, kYes},
      {"Patient?gender:missing=", kEmptyPatient, kYes},
      {"Patient?gender:missing=false", kEmptyPatient, kNo},
      {"Patient?gender:present=true", kPatient, kYes},
      {"Patient?gender:present=false", kPatient, kNo},
      {"Patient?gender:present=1", kEmptyPatient, kYes},
      {"Patient?birthdate:missing=true", kEmptyPatient, kYes},
      {"Patient?_compartment:missing=true", kPatient, kNo},
      {"RiskAssessment?probability:missing=true",
       R"({"resourceType":"RiskAssessment"})", kYes},
  });
}

TEST(MatchTest, NumbersAndQuantitiesNeverMatch) {
  constexpr std::string_view kObservation = R"({"resourceType":"Observation",
    "valueQuantity":{"value":5,"unit":"mg"}})";
  constexpr std::string_view kRisk = R"({"resourceType":"RiskAssessment",
    "prediction":[{"probabilityDecimal":0.5}]})";
  Check({
      {"Observation?value-quantity=5", kObservation, kNo},
      {"Observation?value-quantity:not=6", kObservation, kNo},
      {"Observation?value-quantity=ne6", kObservation, kNo},
      {"RiskAssessment?probability=0.5", kRisk, kNo},
      {"RiskAssessment?probability=gt0.1", kRisk, kNo},
  });
}

TEST(MatchTest, AQuantityWithoutANumberIsNone) {
  constexpr std::string_view kNoNumber = R"({"resourceType":"Observation",
    "valueQuantity":{"code":"kg"}})";
  constexpr std::string_view kNumber = R"({"resourceType":"Observation",
    "valueQuantity":{"value":5}})";
  Check({
      {"Observation?value-quantity:missing=false", kNoNumber, kNo},
      {"Observation?value-quantity:missing=true", kNoNumber, kYes},
      {"Observation?value-quantity:missing=false", kNumber, kYes},
  });
}

TEST(MatchReferenceTest, ComparesWholeReferences) {
  Check({
      {"Patient?organization=Organization/o1", kPatient, kYes},
      {"Patient?organization=organization/o1", kPatient, kNo},
      {"Patient?organization=Organization/o2,Organization/o1", kPatient, kYes},
      {"Patient?organization=Organization/o1/_history/1", kPatient, kNo},
      {"Patient?organization=http://x/Organization/o1", kPatient, kNo},
      {"Patient?organization:not=Organization/o2", kPatient, kYes},
      {"Patient?organization:not=Organization/o1", kPatient, kNo},
      {"Patient?organization:not=Organization/o1", kEmptyPatient, kYes},
      {"Patient?_compartment=Organization/o1", kPatient, kYes},
      {"Patient?_compartment=Patient/o1", kPatient, kNo},
  });
}

TEST(MatchReferenceTest, TakesBareIdsOnlyForOneTarget) {
  constexpr std::string_view kObservation = R"({"resourceType":"Observation",
    "subject":{"reference":"Patient/123"}})";
  Check({
      {"Patient?organization=o1", kPatient, kYes},
      {"Patient?organization=1", kPatient, kNo},
      {"Patient?_compartment=o1", kPatient, kYes},
      {"Patient?_compartment=p1", kPatient, kYes},
      {"Observation?subject=123", kObservation, kNo},
      {"Observation?subject=Patient/123", kObservation, kYes},
      {"Observation?patient=123", kObservation, kYes},
      {"Observation?subject:Patient=123", kObservation, kNo},
      {"Observation?subject:Patient=Patient/123", kObservation, kYes},
      {"Observation?patient:identifier=a|b", kObservation, kNo},
  });
}

TEST(MatchReferenceTest, AnEmptyValueMatchesAnAbsentReference) {
  Check({
      {"Patient?organization=", kEmptyPatient, kYes},
      {"Patient?organization:foo=", kEmptyPatient, kYes},
      {"Patient?organization:not=", kEmptyPatient, kNo},
      {"Patient?organization:not=", kPatient, kYes},
      {"Patient?organization:not=,", kEmptyPatient, kYes},
      {"Patient?organization:identifier=", kEmptyPatient, kNo},
      {"Patient?organization=,", kEmptyPatient, kNo},
      {"Patient?organization=", kPatient, kNo},
      {"Patient?_compartment=", kPatient, kNo},
  });
}

TEST(MatchReferenceTest, MakesTextOfOtherReferences) {
  Check({
      {"Patient?general-practitioner=Practitioner/d1", kPatient, kYes},
      // A comma alternative with a slash is compared with the made-up text.
      {"Patient?organization=7",
       R"({"resourceType":"Patient","managingOrganization":
          {"identifier":{"system":"a/b/7","value":"x/7"}}})",
       kYes},
      {"Patient?organization=identifier:a/b|undefined",
       R"({"resourceType":"Patient","managingOrganization":
          {"identifier":{"system":"a/b"}}})",
       kYes},
      {"Patient?organization=Organization/9",
       R"({"resourceType":"Patient","managingOrganization":
          {"resourceType":"Organization","id":"9"}})",
       kYes},
      {"Patient?organization=Organization/9",
       R"({"resourceType":"Patient","managingOrganization":
          {"resource":{"resourceType":"Organization","id":"9"}}})",
       kNo},
      {"Patient?organization:missing=false",
       R"({"resourceType":"Patient","managingOrganization":{"display":"x"}})",
       kYes},
      {"Patient?organization=",
       R"({"resourceType":"Patient","managingOrganization":{"display":"x"}})",
       kNo},
  });
}

TEST(MatchReferenceTest, ResolvesTypesFromTheText) {
  Check({
      {"Observation?patient=Group/1",
       R"({"resourceType":"Observation","subject":{"reference":"Group/1"}})",
       kNo},
      {"Observation?patient=http://x/Patient/1",
       R"({"resourceType":"Observation",
           "subject":{"reference":"http://x/Patient/1"}})",
       kNo},
      {"Observation?subject=http://x/Patient/1",
       R"({"resourceType":"Observation",
           "subject":{"reference":"http://x/Patient/1"}})",
       kYes},
      {"Observation?patient:missing=true",
       R"({"resourceType":"Observation","subject":{"reference":"Group/1"}})",
       kYes},
  });
}

TEST(MatchTokenTest, IgnoresCase) {
  Check({
      {"Patient?gender=FEMALE", kPatient, kYes},
      {"Patient?_id=0189B9D1-0000-4000-8000-0000000000AA", kPatient, kYes},
      {"Patient?_id=Patient/0189b9d1-0000-4000-8000-0000000000aa", kPatient,
       kNo},
      {"Patient?_project=P1", kPatient, kYes},
      {"Patient?active=True", kPatient, kYes},
      {"Patient?email=k@x.ORG", kPatient, kYes},
      {"Patient?gender= female", kPatient, kNo},
  });
}

TEST(MatchTokenTest, SeparatesSystemAndCode) {
  Check({
      {"Patient?identifier=a1", kPatient, kYes},
      {"Patient?identifier=mrn|a1", kPatient, kYes},
      {"Patient?identifier=mrn|", kPatient, kYes},
      {"Patient?identifier=mrn|a1|zz", kPatient, kYes},
      {"Patient?identifier=other|a1", kPatient, kNo},
      {"Patient?identifier=|a1", kPatient, kNo},
      {"Patient?identifier=|bare", kPatient, kYes},
      {"Patient?identifier=|", kPatient, kNo},
      {"Patient?identifier=mrn\\|a1", kPatient, kYes},
      {"Patient?gender=|female", kPatient, kYes},
      {"Patient?gender=x|female", kPatient, kNo},
      {"Patient?gender=", kPatient, kNo},
      {"Patient?telecom=email|k@x.org", kPatient, kYes},
      {"Patient?_tag=t|vip", kPatient, kYes},
  });
}

TEST(MatchTokenTest, TakesTextAndDisplayForValues) {
  constexpr std::string_view kObservation = R"({"resourceType":"Observation",
    "code":{"text":"Heart Rate","coding":[
      {"system":"http://loinc.org","code":"8867-4","display":"HR"}]}})";
  Check({
      {"Patient?identifier=chart", kPatient, kYes},
      {"Patient?identifier=|chart", kPatient, kYes},
      {"Patient?_tag=very important", kPatient, kYes},
      {"Observation?code=heart rate", kObservation, kYes},
      {"Observation?code=|heart rate", kObservation, kYes},
      {"Observation?code=hr", kObservation, kYes},
      {"Observation?code=heart", kObservation, kNo},
      {"Observation?code=http://LOINC.org|8867-4", kObservation, kYes},
      {"Observation?code=http://loinc.org|HR", kObservation, kNo},
      {"Observation?code=8867-4", kObservation, kYes},
  });
}

TEST(MatchTokenTest, OnlyNotNegates) {
  Check({
      {"Patient?gender:not=male", kPatient, kYes},
      {"Patient?gender:not=female", kPatient, kNo},
      {"Patient?gender:not=male,female", kPatient, kNo},
      {"Patient?gender:not=male", kEmptyPatient, kYes},
      {"Patient?gender:not-in=female", kPatient, kYes},
      {"Patient?gender:not-in=male", kPatient, kNo},
      {"Patient?gender:in=female", kPatient, kYes},
      {"Patient?gender:text=fem", kPatient, kNo},
      {"Patient?gender:exact=FEMALE", kPatient, kYes},
      {"Patient?gender:contains=fem", kPatient, kNo},
      {"Patient?gender:Not=male", kPatient, kNo},
  });
}

TEST(MatchTokenTest, DeceasedAlwaysHasAValue) {
  Check({
      {"Patient?deceased=false", kEmptyPatient, kYes},
      {"Patient?deceased=true", kEmptyPatient, kNo},
      {"Patient?deceased:missing=true", kEmptyPatient, kNo},
      {"Patient?deceased=true",
       R"({"resourceType":"Patient","deceasedDateTime":"2020-01-01"})", kYes},
      {"Patient?deceased=false",
       R"({"resourceType":"Patient","deceasedBoolean":false})", kYes},
  });
}

TEST(MatchTokenTest, ElementsOfAnotherShapeAreErrors) {
  Check({
      {"Observation?code:not=x",
       R"({"resourceType":"Observation","code":{"coding":{"code":"x"}}})",
       kError},
      {"Observation?code:not=x",
       R"({"resourceType":"Observation","code":{"coding":[{"code":5}]}})",
       kError},
      {"Patient?identifier:not=x",
       R"({"resourceType":"Patient","identifier":"x"})", kError},
      {"Patient?telecom:not=x",
       R"({"resourceType":"Patient","telecom":[{"value":5}]})", kError},
  });
}

TEST(MatchStringTest, FindsPartsWhateverTheOperator) {
  Check({
      {"Patient?name=ali", kPatient, kYes},
      {"Patient?name:exact=ali", kPatient, kYes},
      {"Patient?name:contains=ALI", kPatient, kYes},
      {"Patient?name=khalid ångs", kPatient, kYes},
      {"Patient?family=ÅNGSTRÖM", kPatient, kYes},
      {"Patient?name=kk", kPatient, kYes},
      {"Patient?name=zz", kPatient, kNo},
      {"Patient?name=zz,ali", kPatient, kYes},
      {"Patient?name:not=zz", kPatient, kYes},
      {"Patient?name:not=ali", kPatient, kNo},
      {"Patient?name:not=ali", kEmptyPatient, kYes},
      {"Patient?name=", kPatient, kYes},
      {"Patient?name", kPatient, kYes},
      {"Patient?name=", kEmptyPatient, kNo},
      {"Patient?_profile=x/prof", kPatient, kYes},
      {"ValueSet?url=http://x",
       R"({"resourceType":"ValueSet","url":"http://x/y"})", kYes},
  });
}

TEST(MatchStringTest, ShowsAddressesInOneLine) {
  Check({
      {"Patient?address=main st, springfield, il, 62701", kPatient, kYes},
      {"Patient?address=US", kPatient, kNo},
      {"Patient?address-city=spring", kPatient, kYes},
      {"Patient?address=x",
       R"({"resourceType":"Patient","address":[{"text":"x"}]})", kNo},
  });
}

TEST(MatchDateTest, ComparesPeriods) {
  Check({
      {"Patient?birthdate=1990-02-28", kPatient, kYes},
      {"Patient?birthdate=1990-02", kPatient, kYes},
      {"Patient?birthdate=1990", kPatient, kYes},
      {"Patient?birthdate=1990-02-27", kPatient, kNo},
      {"Patient?birthdate=ap1990", kPatient, kYes},
      {"Patient?birthdate=ap1991", kPatient, kNo},
      {"Patient?birthdate=ne1990", kPatient, kNo},
      {"Patient?birthdate=ne1991", kPatient, kYes},
      {"Patient?birthdate=ne1990", kEmptyPatient, kYes},
      {"Patient?birthdate=lt1990-03", kPatient, kYes},
      {"Patient?birthdate=lt1990-02-28", kPatient, kNo},
      {"Patient?birthdate=le1990-02-28", kPatient, kYes},
      {"Patient?birthdate=gt1990-02-27", kPatient, kYes},
      {"Patient?birthdate=gt1990-02-28", kPatient, kNo},
      {"Patient?birthdate=ge1990-02-28", kPatient, kYes},
      {"Patient?birthdate=sa1990-02-27", kPatient, kYes},
      {"Patient?birthdate=sa1990-02-28", kPatient, kNo},
      {"Patient?birthdate=eb1990-03-01", kPatient, kYes},
      {"Patient?birthdate=eb1990-02-28", kPatient, kNo},
      {"Patient?birthdate=sw1990", kPatient, kNo},
      {"Patient?birthdate:contains=1990", kPatient, kNo},
      {"Patient?birthdate:not=1990", kPatient, kYes},
      {"Patient?birthdate:not=1990", kEmptyPatient, kYes},
      {"Patient?birthdate=1990-01,1990-02", kPatient, kError},
  });
}

TEST(MatchDateTest, AMonthRunsOverIntoTheNext) {
  const auto born = [](std::string_view date) {
    return std::string(R"({"resourceType":"Patient","birthDate":")") +
           std::string(date) + "\"}";
  };
  EXPECT_EQ(Match("Patient?birthdate=2024-02", born("2024-03-02")), kYes);
  EXPECT_EQ(Match("Patient?birthdate=2024-02", born("2024-03-03")), kNo);
  EXPECT_EQ(Match("Patient?birthdate=2023-02", born("2023-03-03")), kYes);
}

TEST(MatchDateTest, AnInstantNeverEqualsItself) {
  Check({
      {"Patient?_lastUpdated=2024-05-01T10:00:00.123Z", kPatient, kNo},
      {"Patient?_lastUpdated=le2024-05-01T10:00:00.123Z", kPatient, kYes},
      {"Patient?_lastUpdated=ge2024-05-01T10:00:00.123Z", kPatient, kYes},
      {"Patient?_lastUpdated=2024-05-01T10:00:00Z", kPatient, kYes},
      {"Patient?_lastUpdated=2024-05-01T12:00:00%2B02:00", kPatient, kYes},
      {"Patient?_lastUpdated=ne2024-05-01T10:00:00.123Z", kPatient, kYes},
  });
}

TEST(MatchDateTest, ReadsPeriodsWithOpenEnds) {
  constexpr std::string_view kOpenEnd = R"({"resourceType":"Encounter",
    "period":{"start":"2020-06-01"}})";
  constexpr std::string_view kOpenStart = R"({"resourceType":"Encounter",
    "period":{"end":"2020-06-01"}})";
  Check({
      {"Encounter?date=2024", kOpenEnd, kYes},
      {"Encounter?date=2019", kOpenEnd, kNo},
      {"Encounter?date=2019", kOpenStart, kYes},
      {"Encounter?date=2021", kOpenStart, kNo},
      {"Encounter?date=gt9999", kOpenEnd, kNo},
      {"Encounter?date=2020",
       R"({"resourceType":"Encounter","period":{"id":"x"}})", kNo},
      {"Encounter?date=ne2020",
       R"({"resourceType":"Encounter","period":{"start":"x"}})", kYes},
      {"Encounter?date=ne2020",
       R"({"resourceType":"Encounter","period":{"start":"x","end":"2020"}})",
       kError},
      {"Encounter?date=ne2020",
       R"({"resourceType":"Encounter","period":{"start":5,"end":"2020"}})",
       kError},
  });
}

TEST(MatchDateTest, WhatJavaScriptCannotParseIsAnError) {
  constexpr std::string_view kLeapSecond = R"({"resourceType":"Patient",
    "birthDate":"2016-12-31T23:59:60Z"})";
  Check({
      {"Patient?birthdate=2020-01-01T00:00:60Z", kPatient, kError},
      {"Patient?birthdate=2020-01-01T00:00:60Z", kEmptyPatient, kNo},
      {"Patient?birthdate:not=2020-01-01T00:00:60Z", kEmptyPatient, kYes},
      {"Patient?birthdate:foo=2020-01-01T00:00:60Z", kPatient, kError},
      {"Patient?birthdate=2020", kLeapSecond, kError},
      {"Patient?birthdate:missing=false", kLeapSecond, kYes},
      {"Patient?birthdate=2020-01%2B02:00", kPatient, kError},
  });
}

TEST(MatchTest, UnusualJsonIsLeftToFhirPath) {
  Check({
      {"Patient?gender=male", R"({"resourceType":"Patient","gender":""})", kNo},
      {"Patient?gender:missing=true",
       R"({"resourceType":"Patient","gender":null})", kYes},
      {"Patient?gender:missing=true",
       R"({"resourceType":"Patient","gender":[]})", kYes},
      {"Patient?gender=male",
       R"({"resourceType":"Patient","gender":["female","male"]})", kYes},
      {"Patient?gender=male",
       R"({"resourceType":"Patient","gender":[["male"]]})", kError},
      {"Patient?gender:not=male",
       R"({"resourceType":"Patient","gender":[["male"]]})", kError},
      {"Patient?gender=male",
       R"({"resourceType":"Patient","gender":"male","_gender":{"id":"x"}})",
       kYes},
      {"Patient?gender:missing=false",
       R"({"resourceType":"Patient","_gender":{"id":"x"}})", kYes},
      {"Patient?family=x",
       R"({"resourceType":"Patient","Practitioner":{"name":[{"family":"x"}]}})",
       kYes},
      {"Patient?phonetic=x",
       R"({"resourceType":"Patient","Practitioner":{"name":"x"}})", kYes},
  });
}

}  // namespace
}  // namespace pdp::fhir::search

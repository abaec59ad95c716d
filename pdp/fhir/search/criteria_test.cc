#include "pdp/fhir/search/criteria.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pdp::fhir::search {
namespace {

// "Patient: string name eq x; " or "error".
std::string Describe(std::string_view text) {
  const absl::StatusOr<Criteria> criteria = ParseCriteria(text);
  if (!criteria.ok()) return "error";
  std::string description = criteria->resource_type + ":";
  bool begins = true;
  for (const char c : Print(*criteria)) {
    if (begins) description += ' ';
    begins = c == '\n';
    description += begins ? ';' : c;
  }
  return description;
}

struct Case {
  std::string_view text;
  std::string_view want;
};

template <size_t N>
void Check(const Case (&cases)[N]) {
  for (const Case& test : cases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(Describe(test.text), test.want);
  }
}

TEST(CriteriaTest, TakesTheTypeFromTheLastSegmentOfThePath) {
  Check({
      {"", "error"},
      {"Patient", "Patient:"},
      {"Patient?", "Patient:"},
      {"a/b/Patient", "Patient:"},
      {"a/b/", "b:"},
      {"x/Patient?active=true", "Patient: token active eq true;"},
      {"identifier=123", "identifier=123:"},
      {"*?name=x", "*: unknown name eq x;"},
      {" Patient ?name=x", " Patient : unknown name eq x;"},
  });
}

TEST(CriteriaTest, DecodesAsAForm) {
  Check({
      {"Patient?name=a?b=c", "Patient: string name eq a;"},
      {"Patient??name=a", "Patient:"},
      {"Patient?name=a#b&x", "Patient: string name eq a#b; unknown x eq ;"},
      {"Patient?&&name&", "Patient: string name eq ;"},
      {"Patient?name=a=b", "Patient: string name eq a=b;"},
      {"Patient?=x", "Patient: unknown  eq x;"},
      {"Patient?name=a+b%2B", "Patient: string name eq a b+;"},
      {"Patient?n%61me=%e2%82%ac", "Patient: string name eq €;"},
      {"Patient?name=%zz%4", "Patient: string name eq %zz%4;"},
      {"Patient?name=%ff%e2%82", "Patient: string name eq \uFFFD\uFFFD;"},
      {"Patient?name=é%ff", "Patient: string name eq \uFFFD\uFFFD;"},
      {"Patient?name=é%zz", "Patient: string name eq é%zz;"},
      {"Patient?name=é%41%", "Patient: string name eq \uFFFDA%;"},
      {"Patient?name=x&name=y", "Patient: string name eq x; string name eq y;"},
  });
}

TEST(CriteriaTest, KeepsControlParametersApart) {
  Check({
      {"Patient?_sort=name&_cursor=a&_count=abc&_offset=x&_total=zz&"
       "_summary=zz&_fields=a,b&_elements=&_type=x&_format=y&_pretty=1",
       "Patient:"},
      {"Patient?_sort:x=", "Patient:"},
      {"Patient?_=1&_:foo=2", "Patient:"},
      {"Patient?_include=a:b&_include=a:b:c&_revinclude:iterate=a:b",
       "Patient:"},
      {"Patient?_include=a", "error"},
      {"Patient?_include=", "error"},
      {"Patient?_include=a:b:c:d", "error"},
      {"Patient?_include=*", "error"},
      {"Patient?_include=a:*", "error"},
      {"Patient?_revinclude=a", "error"},
  });
  const absl::StatusOr<Criteria> criteria =
      ParseCriteria("Patient?_sort:x=name&name=a&_count=5");
  ASSERT_TRUE(criteria.ok());
  EXPECT_EQ(criteria->text, "Patient?_sort:x=name&name=a&_count=5");
  ASSERT_EQ(criteria->control_parameters.size(), 2u);
  EXPECT_EQ(criteria->control_parameters[0].first, "_sort:x");
  EXPECT_EQ(criteria->control_parameters[0].second, "name");
  EXPECT_EQ(criteria->control_parameters[1].first, "_count");
}

TEST(CriteriaTest, TakesKeysWithDotsAndHasAsAWhole) {
  Check({
      {"Patient?_has:Observation:subject:code=1",
       "Patient: unknown _has:Observation:subject:code eq 1;"},
      {"Patient?_has=1", "Patient: unknown _has eq 1;"},
      {"Patient?organization.name:exact=ne1",
       "Patient: unknown organization.name:exact eq ne1;"},
      {"Patient?name:a.b=1", "Patient: unknown name:a.b eq 1;"},
      {"Patient?_sort.x=1", "Patient: unknown _sort.x eq 1;"},
  });
  const absl::StatusOr<Criteria> criteria =
      ParseCriteria("Patient?_has:Observation:subject:code=1&a.b=2&name=c");
  ASSERT_TRUE(criteria.ok());
  EXPECT_TRUE(criteria->filters[0].is_chained);
  EXPECT_TRUE(criteria->filters[1].is_chained);
  EXPECT_FALSE(criteria->filters[2].is_chained);
}

TEST(CriteriaTest, TakesPresenceModifiersForEveryType) {
  Check({
      {"Patient?gender:missing=true", "Patient: token gender missing true;"},
      {"Patient?gender:missing=", "Patient: token gender missing ;"},
      {"Patient?birthdate:present=x", "Patient: date birthdate present x;"},
      {"Observation?code-value-quantity:missing=true",
       "Observation: composite code-value-quantity missing true;"},
      {"Location?near:present=false", "Location: special near present false;"},
      {"Patient?birthdate:missing:x=1", "error"},
  });
}

TEST(CriteriaTest, TakesPrefixesOfOrderedValuesWhateverTheModifier) {
  Check({
      {"Patient?birthdate=2020", "Patient: date birthdate eq 2020;"},
      {"Patient?birthdate=eq2020", "Patient: date birthdate eq 2020;"},
      {"Patient?birthdate=ne2020", "Patient: date birthdate ne 2020;"},
      {"Patient?birthdate=sw2020", "Patient: date birthdate sw 2020;"},
      {"Patient?birthdate:foo=2020", "Patient: date birthdate foo 2020;"},
      {"Patient?birthdate:foo=ge2020", "Patient: date birthdate ge 2020;"},
      {"Patient?birthdate:not=2020", "Patient: date birthdate not 2020;"},
      {"Observation?value-quantity=lt5|a",
       "Observation: quantity value-quantity lt 5|a;"},
      {"Observation?value-quantity:foo=",
       "Observation: quantity value-quantity foo ;"},
      {"RiskAssessment?probability=eqfoo",
       "RiskAssessment: number probability eq foo;"},
      {"RiskAssessment?probability=in5",
       "RiskAssessment: number probability eq in5;"},
  });
}

TEST(CriteriaTest, RefusesWhatIsNoDate) {
  for (const std::string_view value :
       {"", "foo", "ap", "2020,2021", "2020-13-01", "ne2020-13-01", "%202020",
        "2020-01-01T10:00", "2020\\,"}) {
    SCOPED_TRACE(value);
    EXPECT_EQ(Describe("Patient?birthdate=" + std::string(value)), "error");
  }
  // Second 60 passes here and fails when it is compared.
  EXPECT_EQ(Describe("Patient?birthdate=2020-01-01T00:00:60Z"),
            "Patient: date birthdate eq 2020-01-01T00:00:60Z;");
}

TEST(CriteriaTest, DropsUnknownModifiersOfKnownParameters) {
  Check({
      {"Patient?name:exact=nex", "Patient: string name exact nex;"},
      {"Patient?name:not-in=x", "Patient: string name not-in x;"},
      {"Patient?name:iterate=x", "Patient: string name iterate x;"},
      {"Patient?name:foo=x", "Patient: string name eq x;"},
      {"Patient?name:Not=x", "Patient: string name eq x;"},
      {"Patient?name:=x", "Patient: string name eq x;"},
      {"Patient?name:in:foo=x", "Patient: string name eq x;"},
      {"Patient?name:ne=x", "Patient: string name eq x;"},
      {"Patient?name:sw=x", "Patient: string name eq x;"},
      {"Observation?subject:Patient=1", "Observation: reference subject eq 1;"},
      {"Patient?organization:identifier=a|b",
       "Patient: reference organization identifier a|b;"},
      {"Patient?gender=nemale", "Patient: token gender eq nemale;"},
      {"Patient?gender:not=male", "Patient: token gender not male;"},
      {"ValueSet?url:below=http://x", "ValueSet: uri url below http://x;"},
  });
}

TEST(CriteriaTest, ReadsUnknownParametersToo) {
  Check({
      {"Patient?unknown=ne", "Patient: unknown unknown ne ;"},
      {"Patient?unknown=ne5", "Patient: unknown unknown ne 5;"},
      {"Patient?unknown=nex", "Patient: unknown unknown eq nex;"},
      {"Patient?unknown:foo:bar=ne5", "Patient: unknown unknown foo:bar ne5;"},
      {"Patient?unknown:not=x", "Patient: unknown unknown not x;"},
      {"Patient?_text=x", "Patient: unknown _text eq x;"},
      {"Patient?_filter=name eq x", "Patient: unknown _filter eq name eq x;"},
      {"Binary?_id=x", "Binary: unknown _id eq x;"},
      {"Foo?_id=x", "Foo: unknown _id eq x;"},
  });
}

TEST(CriteriaTest, RefusesParametersWithoutAWayToCompare) {
  Check({
      {"Observation?code-value-quantity=x", "error"},
      {"Location?near=1|2", "error"},
      {"Patient?constructor=x", "error"},
      {"Patient?toString=x", "error"},
      {"Patient?__proto__=x", "error"},
      {"Patient?hasOwnProperty:exact=x", "error"},
      {"Patient?constructor:missing=true",
       "Patient: unknown constructor missing true;"},
      {"Patient?constructor.foo=1", "Patient: unknown constructor.foo eq 1;"},
      {"Binary?constructor=x", "Binary: unknown constructor eq x;"},
      {"Foo?constructor=x", "Foo: unknown constructor eq x;"},
  });
}

TEST(CriteriaTest, SplitsAlternativesAfterDecoding) {
  const struct {
    std::string_view value;
    std::vector<std::string> want;
  } cases[] = {
      {"", {""}},          {"a", {"a"}},
      {"a,b", {"a", "b"}}, {"a%2Cb", {"a", "b"}},
      {"a\\,b", {"a,b"}},  {"a%5C,b", {"a,b"}},
      {",", {"", ""}},     {"a,", {"a", ""}},
      {"a\\", {"a"}},      {"a\\\\,b", {"a\\", "b"}},
      {"a\\|b", {"a|b"}},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.value);
    const absl::StatusOr<Criteria> criteria =
        ParseCriteria("Patient?name=" + std::string(test.value));
    ASSERT_TRUE(criteria.ok());
    EXPECT_EQ(criteria->filters[0].alternatives, test.want);
  }
}

TEST(CriteriaTest, OnlyInACallersQueryIsASecondQuestionMarkText) {
  const auto criteria = ParseCriteria("Patient?name=a?b=c&gender=male");
  ASSERT_TRUE(criteria.ok());
  EXPECT_EQ(Print(*criteria), "string name eq a\n");
  const auto query = ParseCallersQuery("Patient", "name=a?b=c&gender=male");
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(Print(*query), "string name eq a?b=c\ntoken gender eq male\n");
}

TEST(CriteriaTest, AreBounded) {
  std::string text = "Patient?";
  for (size_t i = 0; i < kMaxFilters; ++i) text += "name=x&";
  EXPECT_TRUE(ParseCriteria(text).ok());
  text += "name=x";
  EXPECT_EQ(ParseCriteria(text).status().code(),
            absl::StatusCode::kResourceExhausted);
  text = "Patient?name=" + std::string(kMaxTextBytes, 'x');
  EXPECT_EQ(ParseCriteria(text).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace pdp::fhir::search

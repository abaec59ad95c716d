// What operators and navigation yield: an expression and the printed result.

#include <optional>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/test_support.h"
#include "pdp/fhir/resource.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr std::string_view kPatient = R"({
  "resourceType": "Patient", "id": "p1", "active": true,
  "birthDate": "1974-12-25",
  "_birthDate": {"extension": [{"url": "u", "valueString": "x"}]},
  "name": [
    {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
    {"use": "usual", "given": ["Jim", null],
     "_given": [null, {"id": "g"}, {"id": "h"}]},
    {}],
  "_gender": {"id": "only"},
  "deceasedBoolean": false,
  "multipleBirthInteger": 2,
  "maritalStatus": {"coding": [{"system": "s", "code": "M"},
                               {"system": "s", "code": "X"}]},
  "managingOrganization": {"reference": "Organization/1"},
  "generalPractitioner": [
    {"reference": "Practitioner/7"}, {"reference": "#c"},
    {"reference": "http://x/Patient/1"}, {"reference": "Patient?a=b"},
    {"type": "Device", "identifier": {"value": "1"}},
    {"resource": {"resourceType": "Group", "id": "g"}}],
  "contained": [{"resourceType": "Organization", "id": "c", "name": "N"},
                {"resourceType": "Patient", "id": "q", "active": false}],
  "extension": [{"url": "u1", "valueQuantity": {"value": 1, "unit": "kg"}},
                {"url": "u2", "valueCode": "c"},
                {"url": "u2", "valueInteger": 5}],
  "foo": [1, "2", {"code": "c"}, {"coding": [{"code": "c"}]}, null],
  "barCode": "bar", "bazString": "b", "bazCode": "a", "empty": ""
})";

constexpr std::string_view kObservation = R"({
  "resourceType": "Observation", "status": "final",
  "code": {"coding": [{"system": "s", "code": "c", "display": "D"}]},
  "subject": {"reference": "Patient/1"},
  "effectivePeriod": {"start": "2020-01-01"},
  "valueQuantity": {"value": 185, "unit": "lbs", "code": "[lb_av]"},
  "component": [
    {"code": {"text": "1"}, "valueString": "s", "valueQuantity": {"value": 2}},
    {"code": {"text": "2"}, "_valueString": {"id": "i"}, "valueInteger": 3}]
})";

struct Case {
  std::string_view expression;
  std::string_view result;
};

class Subject {
 public:
  explicit Subject(std::string_view json) : resource_(*Resource::Parse(json)) {}

  void Check(const Case& test, std::span<const Variable> variables = {}) const {
    SCOPED_TRACE(test.expression);
    const std::string text =
        EvaluateToText(test.expression, resource_->root(), variables);
    if (test.result == "error") {
      EXPECT_TRUE(text.starts_with("error INVALID_ARGUMENT")) << text;
    } else {
      EXPECT_EQ(text, test.result);
    }
  }

  JsonElement root() const { return resource_->root(); }

 private:
  ResourcePtr resource_;
};

TEST(FhirPathTest, MembersHaveTheTypesOfTheSchema) {
  const Subject subject(kPatient);
  constexpr Case kCases[] = {
      {"id", "string \"p1\""},
      {"active", "boolean true"},
      {"name.family", "string \"Chalmers\""},
      {"name.given.first()", "string \"Peter\""},
      {"name.use", "code \"official\", code \"usual\""},
      {"name.count()", "integer 3"},
      {"birthDate", "date \"1974-12-25\""},
      {"multipleBirth", "integer 2"},
      {"deceased", "boolean false"},
      {"deceasedBoolean", "boolean false"},
      // Any name of a choice stands for the choice.
      {"deceasedDateTime", "boolean false"},
      {"managingOrganization.reference", "string \"Organization/1\""},
      {"contained.id", "string \"c\", string \"q\""},
      {"contained[0] is Organization", "boolean true"},
      {"nothing", ""},
      {"'a'.length", ""},
      {"maritalStatus.coding.code", "code \"M\", code \"X\""},
      {"extension.value",
       "Quantity {\"value\":1,\"unit\":\"kg\"}, code \"c\", integer 5"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, MembersOfNoSchemaAreGuessed) {
  const Subject subject(kPatient);
  constexpr Case kCases[] = {
      {"resourceType", "string \"Patient\""},
      {"foo",
       "integer 1, string \"2\", Coding {\"code\":\"c\"}, "
       "CodeableConcept {\"coding\":[{\"code\":\"c\"}]}"},
      {"bar", "code \"bar\""},
      {"`bar[x]`", "code \"bar\""},
      {"baz", "code \"a\""},
      {"empty", "string \"\""},
      {"to", "error"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, ChoicesTakeTheFirstTypeOfTheDefinition) {
  const Subject subject(kObservation);
  constexpr Case kCases[] = {
      {"value.unit", "string \"lbs\""},
      {"valueString.unit", "string \"lbs\""},
      {"`value[x]`.unit", "string \"lbs\""},
      {"component[0].value", "Quantity {\"value\":2}"},
      // An extension alone makes a variant present.
      {"component[1].value", "string {\"id\":\"i\"}"},
      {"effective.start", "dateTime \"2020-01-01\""},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, PrimitivesCarryTheirExtensions) {
  const Subject subject(kPatient);
  constexpr Case kCases[] = {
      {"birthDate.extension.value", "string \"x\""},
      {"birthDate.extension('u').value", "string \"x\""},
      {"birthDate = '1974-12-25'", "boolean true"},
      {"birthDate < '1975'", "boolean true"},
      {"birthDate & 'x'", "error"},
      {"birthDate.length()", "error"},
      {"birthDate is date", "boolean true"},
      {"birthDate is Date", "boolean false"},
      {"gender", "code {\"id\":\"only\"}"},
      {"gender.exists()", "boolean true"},
      {"name[1].given",
       "string \"Jim\", string {\"id\":\"g\"}, string {\"id\":\"h\"}"},
      {"name[1].given[1].id", "string \"g\""},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, WrongExtensionsAreErrors) {
  constexpr std::string_view kResources[] = {
      R"({"resourceType": "Patient", "active": true, "_active": 1})",
      R"({"resourceType": "Patient", "active": true, "_active": [{"id": "a"}]})",
      R"({"resourceType": "Patient", "active": {"a": 1}, "_active": {"b": 2}})",
  };
  for (const std::string_view json : kResources) {
    SCOPED_TRACE(json);
    Subject(json).Check({"active", "error"});
  }
}

TEST(FhirPathTest, LeadingTypeNamesSelectResources) {
  const Subject subject(kPatient);
  constexpr Case kCases[] = {
      {"Patient.active", "boolean true"},
      {"Observation.active", ""},
      {"Patient.id | Observation.id", "string \"p1\""},
      {"contained.Patient.active", "boolean false"},
      {"Patient.Patient.id", "string \"p1\""},
      {"Resource.id", ""},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, EqualityComparesPathsOfObjects) {
  const Subject subject(kObservation);
  const Subject same(kObservation);
  const Variable variables[] = {{"before", RootOf(same.root())},
                                {"undefined", Value()}};
  constexpr Case kCases[] = {
      {"subject = %before.subject", "boolean true"},
      {"Observation.subject = %before.subject", "boolean false"},
      {"Observation.subject = %before.Observation.subject", "boolean true"},
      {"Observation.subject ~ %before.subject", "boolean true"},
      {"subject in %before.subject", "boolean true"},
      {"Observation.subject in %before.subject", "boolean false"},
      {"(subject | %before.subject).count()", "integer 1"},
      {"(Observation.subject | %before.subject).count()", "integer 2"},
      // A name of the resource changes what comes after it only.
      {"subject = Observation.subject", "boolean false"},
      {"Observation.subject = subject", "boolean true"},
      {"$this = %before", "boolean true"},
      {"component[0].code = component[1].code", "boolean false"},
      {"component.code.first() = component[0].code", "boolean true"},
      {"subject.intersect(%before.subject)", ""},
      {"subject.exclude(subject)", ""},
      {"status = %undefined.status", ""},
      {"%undefined.exists()", "boolean false"},
      {"%undefined.empty()", "boolean true"},
      {"%undefined.count()", "integer 1"},
      {"%undefined.status", ""},
      {"%undefined = %undefined", "boolean true"},
      {"%other", "error"},
      {"false and %other", "error"},
  };
  for (const Case& test : kCases) subject.Check(test, variables);
}

TEST(FhirPathTest, EqualityIsOfValues) {
  const Subject subject(kObservation);
  constexpr Case kCases[] = {
      {"1 = 1.000000001", "boolean true"},
      {"1 = 1.00000002", "boolean false"},
      {"'a' = 'A'", "boolean false"},
      {"1 = '1'", "boolean false"},
      {"true = 'true'", "boolean false"},
      {"{} = 1", ""},
      {"1 = {}", ""},
      {"(1 | 2) = (1 | 2)", "boolean true"},
      {"(1 | 2) = (2 | 1)", "boolean false"},
      {"(1 | 2) = 1", "boolean false"},
      {"(1 | 2) != 1", "boolean true"},
      {"1 != 2", "boolean true"},
      {"{} != 2", ""},
      {"4 'mg' = 4.009 'mg'", "boolean true"},
      {"4 'mg' = 4.02 'mg'", "boolean false"},
      // Neither has a code, so their codes are the same.
      {"4 'mg' = 4 'kg'", "boolean true"},
      {"value = 185 '[lb_av]'", "boolean true"},
      {"value = 185 'lbs'", "boolean true"},
      {"value = 185 'kg'", "boolean false"},
      {"value = 185", "boolean false"},
      {"@2020-01-01T10:00+01:00 = @2020-01-01T09:00Z", "boolean true"},
      {"@2020 = '2020'", "boolean true"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, EquivalenceIsLax) {
  const Subject subject(kObservation);
  constexpr Case kCases[] = {
      {"1 ~ 1.009", "boolean true"},
      {"1 ~ 1.02", "boolean false"},
      {"'a' ~ 'A'", "boolean true"},
      {"'\xC3\x89' ~ '\xC3\xA9'", "boolean true"},
      {"{} ~ {}", "boolean true"},
      {"{} ~ 1", "boolean false"},
      {"('b' | 'a') ~ ('A' | 'B')", "boolean true"},
      {"(2 | 1) ~ (1 | 2)", "boolean true"},
      {"(2 | 1) ~ (1 | 3)", "boolean false"},
      {"('\xC3\x89' | 'a') ~ ('a' | 'b')", "boolean false"},
      {"('\xC3\x89' | 'a') ~ ('a' | '\xC3\xA9')", "error"},
      {"('\xC3\x89' | 'a') ~ ('\xC3\x89' | 'a')", "boolean true"},
      {"(4 days | '\xC3\x89') ~ (4 days | '\xC3\xA9')", "boolean true"},
      {"(1 | 'a' | 2) ~ (1 | 'a' | 2)", "error"},
      {"1 !~ 2", "boolean true"},
      {"{} !~ {}", "boolean false"},
      {"code.coding ~ code.coding", "boolean true"},
      {"code ~ code", "boolean true"},
      {"code ~ subject", "boolean false"},
      {"4 'mg' ~ 4 'mg'", "boolean true"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, OrderIsThatOfJavaScript) {
  const Subject subject(kObservation);
  constexpr Case kCases[] = {
      {"1 < 2", "boolean true"},
      {"2 <= 2", "boolean true"},
      {"1 > 2", "boolean false"},
      {"2 >= 3", "boolean false"},
      {"'a' < 'b'", "boolean true"},
      {"'10' < '9'", "boolean true"},
      {"'10' < 9", "boolean false"},
      {"'a' < 9", "boolean false"},
      {"'a' >= 9", "boolean false"},
      {"true > false", "boolean true"},
      {"{} < 1", ""},
      {"value > 100", "boolean true"},
      {"value > 100 'kg'", "boolean true"},
      {"(1 | 2) < 3", "error"},
      {"code < 1", "boolean false"},
      {"@2020-01-01 < @2020-01-02", "boolean true"},
      {"@2020 < @2020-01-02", "boolean true"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, ArithmeticIsThatOfJavaScript) {
  const Subject subject(kObservation);
  constexpr Case kCases[] = {
      {"1 + 2", "integer 3"},
      {"1 + 2.5", "decimal 3.5"},
      {"0.1 + 0.2", "decimal 0.30000000000000004"},
      {"1.5 + 1.5", "integer 3"},
      {"'a' + 'b'", "string \"ab\""},
      {"'a' + 1", "string \"a1\""},
      {"1 - 3", "integer -2"},
      {"'5' - 3", "integer 2"},
      {"2 * 3", "integer 6"},
      {"7 / 2", "decimal 3.5"},
      {"1 / 0", "decimal Infinity"},
      {"0 / 0", "decimal NaN"},
      {"7 div 2", "integer 3"},
      {"-7 div 2", "integer -3"},
      {"7 mod 3", "integer 1"},
      {"-7 mod 3", "integer -1"},
      {"5.5 mod 2", "decimal 1.5"},
      {"-value.value", "integer -185"},
      {"+'a'", "string \"a\""},
      {"-'a'", "decimal NaN"},
      {"-{}", ""},
      {"{} + 1", ""},
      {"value * 2",
       "Quantity {\"value\":370,\"unit\":\"lbs\",\"code\":\"[lb_av]\"}"},
      {"(value * 2).code", "code \"[lb_av]\""},
      {"(value * 2).value", "decimal 370"},
      {"2 * value", "integer 370"},
      {"value + 'a'", "error"},
      {"(1 | 2) + 1", "error"},
      {"'a' & 'b'", "string \"ab\""},
      {"'a' & {}", "string \"a\""},
      {"{} & {}", "string \"\""},
      {"'a' & 1", "error"},
      {"('a' | 'b') & 'c'", "error"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, BooleansHaveThreeValues) {
  const Subject subject(kObservation);
  constexpr Case kCases[] = {
      {"true and true", "boolean true"},
      {"true and false", "boolean false"},
      {"true and {}", ""},
      {"false and {}", "boolean false"},
      {"{} and {}", ""},
      {"false or false", "boolean false"},
      {"true or {}", "boolean true"},
      {"false or {}", ""},
      {"{} or {}", ""},
      {"true xor false", "boolean true"},
      {"true xor true", "boolean false"},
      {"true xor {}", ""},
      {"true implies true", "boolean true"},
      {"true implies false", "boolean false"},
      {"true implies {}", ""},
      {"false implies {}", "boolean true"},
      {"{} implies true", "boolean true"},
      {"{} implies false", ""},
      {"true and 1", "error"},
      {"false and 'a'", "error"},
      {"false and (true | false)", "error"},
      {"status or true", "error"},
      {"1 xor true", "error"},
      {"false implies 1", "error"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, CollectionsAreCompared) {
  const Subject subject(kPatient);
  constexpr Case kCases[] = {
      {"1 | 2 | 1", "integer 1, integer 2"},
      {"1 | 'a' | {}", "integer 1, string \"a\""},
      {"1 in (1 | 2)", "boolean true"},
      {"3 in (1 | 2)", "boolean false"},
      {"1 in {}", "boolean false"},
      {"{} in 1", ""},
      {"(1 | 2) in 1", "error"},
      {"(1 | 2) contains 1", "boolean true"},
      {"(1 | 2) contains 3", "boolean false"},
      {"{} contains 1", "boolean false"},
      {"{} contains {}", "boolean false"},
      {"1 contains {}", "error"},
      {"name.given contains 'Jim'", "boolean true"},
      {"maritalStatus contains maritalStatus", "boolean true"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, IndexesPickOneItem) {
  const Subject subject(kPatient);
  constexpr Case kCases[] = {
      {"name.given[1]", "string \"James\""},
      {"name.given[9]", ""},
      {"name.given[-1]", ""},
      {"name.given[0.5]", ""},
      {"name.given[{}]", ""},
      {"name.given[0 | 1]", ""},
      {"name.given['0']", "error"},
      {"name.given[1 - 1]", "string \"Peter\""},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, TypesAreTested) {
  const Subject subject(kObservation);
  constexpr Case kCases[] = {
      {"$this is Observation", "boolean true"},
      {"$this is FHIR.Observation", "boolean true"},
      {"$this is Patient", "boolean false"},
      {"status is code", "boolean true"},
      {"status is string", "boolean false"},
      {"status is String", "boolean false"},
      {"1 is Integer", "boolean true"},
      {"1 is Decimal", "boolean true"},
      {"1.5 is System.Integer", "boolean true"},
      {"1 is integer", "boolean true"},
      {"1 is decimal", "boolean false"},
      {"true is Boolean", "boolean true"},
      {"'a' is Boolean", "boolean false"},
      {"'2020' is Date", "boolean true"},
      {"'2020-01-01T10:00:00Z' is DateTime", "boolean true"},
      {"'2020-01-01T10:00:00Z' is Date", "boolean false"},
      {"@T10:00 is Time", "boolean true"},
      {"'10:00' is Time", "boolean false"},
      {"effective is Period", "boolean true"},
      {"code is Period", "boolean false"},
      {"value is Quantity", "boolean true"},
      {"4 days is Quantity", "boolean true"},
      {"code is Quantity", "boolean false"},
      {"{} is Patient", ""},
      {"(1 | 2) is Integer", ""},
      {"1 is 'Integer'", ""},
      {"value as Quantity is Quantity", "boolean true"},
      {"(value as string)", ""},
      {"(1 | 2) as Integer", "error"},
      {"{} as Integer", ""},
      {"subject.resolve() is Patient", "boolean true"},
      {"subject.resolve() is Group", "boolean false"},
  };
  for (const Case& test : kCases) subject.Check(test);
}

TEST(FhirPathTest, OnlyTrueIsTrue) {
  const Subject subject(kPatient);
  struct Expected {
    std::string_view expression;
    bool result;
  };
  constexpr Expected kCases[] = {
      {"active", true},         {"true", true},
      {"false", false},         {"{}", false},
      {"'true'", false},        {"1", false},
      {"name", false},          {"(true).combine(true)", false},
      {"active and {}", false},
  };
  for (const Expected& test : kCases) {
    SCOPED_TRACE(test.expression);
    const auto expression = Expression::Compile(test.expression);
    ASSERT_TRUE(expression.ok());
    Scratch scratch;
    const auto result =
        (*expression)->Evaluate(RootOf(subject.root()), {}, scratch);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(IsExactlyTrue(*result), test.result);
  }
}

TEST(FhirPathTest, StepsAreBounded) {
  const Subject subject(kPatient);
  const auto expression = Expression::Compile("active.exists()");
  ASSERT_TRUE(expression.ok());
  const auto evaluate = [&](size_t steps) {
    Scratch scratch;
    return (*expression)
        ->Evaluate(RootOf(subject.root()), {}, scratch, {.max_steps = steps})
        .status();
  };
  size_t enough = 0;
  while (!evaluate(enough).ok()) {
    ASSERT_LT(++enough, 20);
  }
  EXPECT_GT(enough, 3);
  EXPECT_EQ(evaluate(enough - 1).code(), absl::StatusCode::kResourceExhausted);
}

std::string CodeOf(const Subject& subject, std::string_view expression,
                   const Limits& limits) {
  const std::string text =
      EvaluateToText(expression, subject.root(), {}, limits);
  return text.substr(0, text.find(':'));
}

TEST(FhirPathTest, CollectionsAreBounded) {
  const Subject subject(kPatient);
  for (const std::string_view expression :
       {"name.given.first() | 1 | 2", "'abc'.toChars()", "name",
        "1.combine(2).combine(3)"}) {
    SCOPED_TRACE(expression);
    EXPECT_NE(CodeOf(subject, expression, {.max_collection = 5}),
              "error RESOURCE_EXHAUSTED");
    EXPECT_EQ(CodeOf(subject, expression, {.max_collection = 2}),
              "error RESOURCE_EXHAUSTED");
  }
  EXPECT_EQ(CodeOf(subject, "'abc'.toChars()", {.max_collection = 3}),
            "string \"a\", string \"b\", string \"c\"");
}

TEST(FhirPathTest, StringsAreBounded) {
  const Subject subject(kPatient);
  for (const std::string_view expression :
       {"'abc' & 'def'", "'abc' + 'def'", "'abcdef'.upper()",
        "('abc').combine('ef').join('d')", "'abcdef'.replace('', '')",
        "'aaaaaa'.replaceMatches('a', 'b')", "(123456).toString()"}) {
    SCOPED_TRACE(expression);
    EXPECT_NE(CodeOf(subject, expression, {.max_string_bytes = 6}),
              "error RESOURCE_EXHAUSTED");
    EXPECT_EQ(CodeOf(subject, expression, {.max_string_bytes = 5}),
              "error RESOURCE_EXHAUSTED");
  }
}

TEST(FhirPathTest, ScratchIsUsedAgain) {
  const Subject subject(kPatient);
  const auto expression =
      Expression::Compile("name.given.where($this & 'x' = 'Peterx')");
  ASSERT_TRUE(expression.ok());
  Scratch scratch;
  for (int i = 0; i < 3; ++i) {
    const auto result =
        (*expression)->Evaluate(RootOf(subject.root()), {}, scratch);
    EXPECT_FALSE(result.ok());  // `&` of a name with an extension.
    scratch.Reset();
  }
  const auto other = Expression::Compile("name.family & 'x'");
  ASSERT_TRUE(other.ok());
  const auto result = (*other)->Evaluate(RootOf(subject.root()), {}, scratch);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(Describe(*result), "string \"Chalmersx\"");
}

}  // namespace
}  // namespace pdp::fhir::fhirpath

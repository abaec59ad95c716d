#include "pdp/fhir/search/path_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/search_parameter.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {
namespace {

constexpr std::string_view kResources[] = {
    R"({"resourceType":"Patient","id":"1","active":false,"gender":"male",
      "name":[{"given":["A","B"]},{"family":"F"}],"deceasedBoolean":true,
      "telecom":[{"system":"phone","value":"5"}],"multipleBirthInteger":0,
      "link":[{"other":{"reference":"Patient/2"}}],
      "meta":{"project":"p","compartment":[{"reference":"Project/p"}]}})",
    R"({"resourceType":"Patient","gender":["male","female"],
      "name":{"given":"A"},"birthDate":{"start":"2020"}})",
    R"({"resourceType":"Observation","status":"final",
      "subject":{"reference":"Patient/1"},
      "performer":[{"reference":"Practitioner/1"},{"reference":"Patient/2"}],
      "effectiveDateTime":"2024-01-01","valueCodeableConcept":{"text":"x"},
      "component":[{"code":{"text":"c"},"valueQuantity":{"value":5}}]})",
    R"({"resourceType":"Observation","subject":{"reference":"Group/1"},
      "valueQuantity":{"value":1},"effectivePeriod":{"start":"2020"},
      "code":{"coding":[{"system":"s","code":"c"}]}})",
    R"({"resourceType":"Condition","onsetAge":{"value":5},
      "subject":{"reference":"http://x/Patient/1"},
      "abatementRange":{"low":{"value":1}}})",
    R"({"resourceType":"Task","status":"draft","focus":{"reference":"Patient/1"},
      "for":{"reference":"Patient/1/_history/2"},"code":{"text":"t"},
      "owner":{"reference":"#x"},"restriction":{"period":{"end":"2024"}}})",
    // Values that are not of the type that their member's name says.
    R"({"resourceType":"Observation","valueQuantity":"5",
      "effectivePeriod":{"start":"soon"},"component":[
      {"valueQuantity":{"unit":"g"}},{"valueQuantity":5},
      {"valueString":{"resourceType":"CodeableConcept"}}]})",
    R"({"resourceType":"ServiceRequest","occurrenceTiming":{"event":["2024"]},
      "subject":{"reference":"Patient/1"},"authoredOn":"2024-01-01"})",
};

// What matching can see of a value.
std::string Describe(const fhirpath::Collection& values) {
  std::string text;
  for (const fhirpath::Value& value : values) {
    text += std::string(TypeName(value.type())) + " ";
    text += value.kind() == fhirpath::Value::Kind::kObject
                ? ToJson(value.object())
                : JavaScriptText(value);
    text += "\n";
  }
  return text;
}

TEST(PathPlanTest, FindsWhatTheEngineFinds) {
  size_t compared = 0;
  for (const std::string_view json : kResources) {
    const auto resource = Resource::Parse(json);
    ASSERT_TRUE(resource.ok());
    const std::string_view type = (*resource)->type();
    for (const SearchParameter* parameter : SearchParametersOf(type)) {
      SCOPED_TRACE(json);
      SCOPED_TRACE(parameter->expression);
      const auto plan = PathPlan::Make(type, parameter->expression);
      fhirpath::Collection values;
      if (!plan || !plan->Collect((*resource)->root(), values)) continue;
      const auto expression =
          fhirpath::Expression::Compile(parameter->expression);
      ASSERT_TRUE(expression.ok());
      fhirpath::Scratch scratch;
      const auto want =
          (*expression)
              ->Evaluate(fhirpath::RootOf((*resource)->root()), {}, scratch);
      ASSERT_TRUE(want.ok()) << want.status();
      EXPECT_EQ(Describe(values), Describe(*want));
      ++compared;
    }
  }
  EXPECT_GT(compared, 150u);
}

TEST(PathPlanTest, LeavesTheUnusualToTheEngine) {
  const struct {
    std::string_view expression;
    std::string_view resource;
  } cases[] = {
      {"Patient.gender", R"({"gender":""})"},
      {"Patient.gender", R"({"gender":null})"},
      {"Patient.gender", R"({"gender":{}})"},
      {"Patient.gender", R"({"gender":[]})"},
      {"Patient.gender", R"({"gender":["male",null]})"},
      {"Patient.gender", R"({"gender":[["male"]]})"},
      {"Patient.gender", R"({"gender":"male","_gender":{"id":"x"}})"},
      {"Patient.gender", R"({"_gender":{"id":"x"}})"},
      {"Patient.name.family", R"({"name":["x"]})"},
      {"Patient.name.family | Person.name.family", R"({"Person":{}})"},
      {"Patient.name.family | Person.name.family", R"({"_Person":{}})"},
      {"Patient.managingOrganization.where(resolve() is Organization)",
       R"({"managingOrganization":{"reference":"Organization?a=b"}})"},
      {"Patient.managingOrganization.where(resolve() is Organization)",
       R"({"managingOrganization":{"resource":{"resourceType":"X"}}})"},
      {"Patient.deceased",
       R"({"deceasedBoolean":null,"deceasedDateTime":"x"})"},
      {"Patient.name.as(HumanName)",
       R"({"name":[{"family":"a"},{"family":"b"}]})"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.expression);
    SCOPED_TRACE(test.resource);
    const auto plan = PathPlan::Make("Patient", test.expression);
    ASSERT_TRUE(plan);
    simdjson::dom::parser parser;
    fhirpath::Collection values;
    EXPECT_FALSE(plan->Collect(
        parser.parse(test.resource.data(), test.resource.size()), values));
  }
}

TEST(PathPlanTest, CoversPathsOnly) {
  for (const std::string_view expression :
       {"",
        "Patient",
        "name",
        "Patient.foo",
        "Patient.name.exists()",
        "Patient.name[0]",
        "Patient.telecom.where(system='a\\'b')",
        "Patient.telecom.where(system=5)",
        "Patient.where(id='x').name",
        "Patient.telecom.where(period='x')",
        "Patient.name.where(given='x')",
        "Patient.name | name",
        "Patient.deceased.exists()",
        "Patient.link.other.resolve()",
        "iif(true, Patient.name, Patient.id)",
        "Patient.name as HumanName",
        "Patient.name | Foo.name",
        "Patient.contained",
        "Patient.name.ofType(Nothing)",
        "(Patient.name) | (Patient.name"}) {
    SCOPED_TRACE(expression);
    EXPECT_FALSE(PathPlan::Make("Patient", expression));
  }
  for (const std::string_view expression :
       {"Patient.name", "(Patient.name)",
        "Patient.telecom.where(use='a').value",
        "Patient.telecom.where(system = 'email')",
        "Patient.name.family|Person.name",
        "(Patient.deceased.ofType(dateTime))", "Person.name | Group.name"}) {
    SCOPED_TRACE(expression);
    EXPECT_TRUE(PathPlan::Make("Patient", expression));
  }
}

}  // namespace
}  // namespace pdp::fhir::search

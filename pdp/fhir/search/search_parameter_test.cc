#include "pdp/fhir/search/search_parameter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/path_plan.h"

namespace pdp::fhir::search {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SearchParameterTest, KnowsParametersOfEveryKind) {
  const struct {
    std::string_view type;
    std::string_view code;
    ParameterType want;
  } cases[] = {
      {"Patient", "name", ParameterType::kString},
      {"Patient", "birthdate", ParameterType::kDate},
      {"Patient", "organization", ParameterType::kReference},
      {"Patient", "_id", ParameterType::kToken},
      {"Patient", "_lastUpdated", ParameterType::kDate},
      {"Patient", "_compartment", ParameterType::kReference},
      {"Patient", "_profile", ParameterType::kUri},
      {"Patient", "_security", ParameterType::kToken},
      {"Patient", "_source", ParameterType::kUri},
      {"Patient", "_tag", ParameterType::kToken},
      {"Patient", "_project", ParameterType::kToken},
      {"Observation", "value-quantity", ParameterType::kQuantity},
      {"Observation", "code-value-quantity", ParameterType::kComposite},
      {"RiskAssessment", "probability", ParameterType::kNumber},
      {"Location", "near", ParameterType::kSpecial},
      {"ProjectMembership", "profile-type", ParameterType::kToken},
      {"Task", "due-date", ParameterType::kDate},
      {"Patient", "race", ParameterType::kToken},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    SCOPED_TRACE(test.code);
    const SearchParameter* const parameter =
        FindSearchParameter(test.type, test.code);
    ASSERT_NE(parameter, nullptr);
    EXPECT_EQ(parameter->type, test.want);
    EXPECT_EQ(parameter->resource_type, test.type);
    EXPECT_EQ(parameter->code, test.code);
    EXPECT_FALSE(parameter->expression.empty());
  }
}

TEST(SearchParameterTest, InheritsNothingAndGivesBinaryNothing) {
  const struct {
    std::string_view type;
    std::string_view code;
  } cases[] = {
      {"Patient", "_text"},
      {"Patient", "_content"},
      {"Patient", "_filter"},
      {"Patient", "_has"},
      {"Patient", "_account"},
      {"Patient", "Name"},
      {"Patient", ""},
      {"Binary", "_id"},
      {"HumanName", "family"},
      {"Unknown", "_id"},
      {"", "_id"},
      {"*", "_id"},
      {"Patient", "zzz"},
      {"Patient", "constructor"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    SCOPED_TRACE(test.code);
    EXPECT_EQ(FindSearchParameter(test.type, test.code), nullptr);
  }
  EXPECT_THAT(SearchParametersOf("Binary"), IsEmpty());
  EXPECT_EQ(SearchParametersOf("Login").size(), 12u);
}

TEST(SearchParameterTest, KeepsTheTargetsAsDefined) {
  EXPECT_THAT(FindSearchParameter("Patient", "organization")->targets,
              ElementsAre("Organization"));
  EXPECT_GT(FindSearchParameter("Observation", "subject")->targets.size(), 1u);
  EXPECT_THAT(FindSearchParameter("Patient", "name")->targets, IsEmpty());
}

TEST(SearchParameterTest, FindsValuesInTheOrderOfTheResource) {
  const auto resource = Resource::Parse(R"({"resourceType":"Patient",
      "name":[{"given":["A","B"]},{"family":"F"},{"given":["C"]}]})");
  ASSERT_TRUE(resource.ok());
  fhirpath::Scratch scratch;
  const auto values =
      ValuesOf(*FindSearchParameter("Patient", "given"), **resource, scratch);
  ASSERT_TRUE(values.ok());
  std::vector<std::string> texts;
  for (const fhirpath::Value& value : *values) {
    EXPECT_EQ(TypeName(value.type()), "string");
    texts.emplace_back(value.string());
  }
  EXPECT_THAT(texts, ElementsAre("A", "B", "C"));
}

// Every definition can be evaluated: one that the engine does not know would
// be found out by a decision otherwise.
TEST(SearchParameterTest, EveryExpressionCompiles) {
  size_t parameters = 0;
  size_t plans = 0;
  for (const std::string_view type :
       {"Patient", "Observation", "Task", "Condition", "ProjectMembership",
        "AccessPolicy", "Bundle", "Practitioner", "Encounter", "Group",
        "OrganizationAffiliation", "ServiceRequest", "ActivityDefinition"}) {
    for (const SearchParameter* parameter : SearchParametersOf(type)) {
      if (parameter->expression.empty()) continue;
      SCOPED_TRACE(parameter->expression);
      EXPECT_TRUE(fhirpath::Expression::Compile(parameter->expression).ok());
      ++parameters;
      plans += PathPlan::Make(type, parameter->expression) ? 1 : 0;
    }
  }
  EXPECT_GT(plans * 10, parameters * 9);
}

}  // namespace
}  // namespace pdp::fhir::search

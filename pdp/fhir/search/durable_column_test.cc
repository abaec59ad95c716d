#include "pdp/fhir/search/durable_column.h"

#include <gtest/gtest.h>

#include <string_view>

#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

using Kind = DurableColumn::Kind;

TEST(DurableColumnTest, FollowsTheTypesOfTheElements) {
  const struct {
    std::string_view type;
    std::string_view code;
    Kind kind;
    bool is_array;
  } cases[] = {
      {"Patient", "_id", Kind::kId, false},
      {"Patient", "_project", Kind::kProject, false},
      {"Patient", "_compartment", Kind::kCompartments, true},
      {"Patient", "_lastUpdated", Kind::kInstant, false},
      {"Patient", "_profile", Kind::kText, true},
      {"Patient", "_source", Kind::kText, false},
      {"Patient", "_tag", Kind::kTokens, true},
      {"Patient", "gender", Kind::kText, false},
      {"Patient", "active", Kind::kBoolean, false},
      {"Patient", "deceased", Kind::kBoolean, false},
      {"Patient", "race", Kind::kText, true},
      {"Patient", "identifier", Kind::kTokens, true},
      {"Patient", "phone", Kind::kLowerTokens, true},
      {"Patient", "organization", Kind::kReferences, false},
      {"Patient", "general-practitioner", Kind::kReferences, true},
      {"Patient", "birthdate", Kind::kDate, false},
      {"Patient", "death-date", Kind::kInstant, false},
      {"Patient", "name", Kind::kNames, true},
      {"Patient", "phonetic", Kind::kStrings, true},
      {"Patient", "address-state", Kind::kAddresses, true},
      {"Organization", "name", Kind::kStrings, true},
      {"Observation", "patient", Kind::kReferences, false},
      {"Observation", "code", Kind::kTokens, false},
      {"Observation", "date", Kind::kInstant, false},
      {"Observation", "value-quantity", Kind::kQuantity, false},
      {"Observation", "code-value-quantity", Kind::kUnknown, false},
      {"Encounter", "date", Kind::kInstant, false},
      {"QuestionnaireResponse", "questionnaire", Kind::kCanonicals, false},
      {"RiskAssessment", "probability", Kind::kNumber, true},
      {"Task", "priority-order", Kind::kNumber, false},
      {"ValueSet", "url", Kind::kText, false},
      {"Location", "near", Kind::kUnknown, false},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    SCOPED_TRACE(test.code);
    const SearchParameter* const parameter =
        FindSearchParameter(test.type, test.code);
    ASSERT_NE(parameter, nullptr);
    EXPECT_EQ(parameter->column.kind, test.kind);
    EXPECT_EQ(parameter->column.is_array, test.is_array);
  }
}

TEST(DurableColumnTest, TheElementNarrowsWhatAReferenceNames) {
  const struct {
    std::string_view type;
    std::string_view code;
    std::string_view target;
  } cases[] = {
      {"Observation", "patient", "Patient"},
      {"Observation", "subject", ""},
      {"Observation", "encounter", "Encounter"},
      {"DeviceRequest", "encounter", "Encounter"},
      {"Patient", "organization", "Organization"},
      {"Patient", "general-practitioner", ""},
      {"QuestionnaireResponse", "questionnaire", ""},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    SCOPED_TRACE(test.code);
    EXPECT_EQ(FindSearchParameter(test.type, test.code)->column.target,
              test.target);
  }
}

}  // namespace
}  // namespace pdp::fhir::search

#include "pdp/fhir/search/durable_column.h"

#include <gtest/gtest.h>

#include <string_view>

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
      {"Patient", "identifier", Kind::kTokens, true},
      {"Patient", "phone", Kind::kTokens, true},
      {"Patient", "organization", Kind::kReferences, false},
      {"Patient", "general-practitioner", Kind::kReferences, true},
      {"Patient", "birthdate", Kind::kDate, false},
      {"Patient", "death-date", Kind::kInstant, false},
      {"Patient", "name", Kind::kNames, false},
      {"Patient", "address-state", Kind::kAddresses, false},
      {"Organization", "name", Kind::kStrings, true},
      {"Observation", "patient", Kind::kReferences, false},
      {"Observation", "code", Kind::kTokens, false},
      {"Observation", "date", Kind::kInstant, false},
      {"Observation", "value-quantity", Kind::kQuantity, false},
      {"Observation", "code-value-quantity", Kind::kUnknown, false},
      {"Encounter", "date", Kind::kInstant, false},
      {"RiskAssessment", "probability", Kind::kNumber, true},
      {"Task", "priority-order", Kind::kUnknown, false},
      {"ValueSet", "url", Kind::kText, false},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    SCOPED_TRACE(test.code);
    const SearchParameter* const parameter =
        FindSearchParameter(test.type, test.code);
    ASSERT_NE(parameter, nullptr);
    for (int i = 0; i < 2; ++i) {  // Found, then remembered.
      const DurableColumn column = ColumnOf(*parameter);
      EXPECT_EQ(column.kind, test.kind);
      EXPECT_EQ(column.is_array, test.is_array);
    }
  }
}

}  // namespace
}  // namespace pdp::fhir::search

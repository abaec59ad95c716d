#include "pdp/policy/repeated_parameters.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pdp::policy {
namespace {

Parameter Org(const char* value) { return {"org", value, true}; }

TEST(RepeatedParametersTest, EachValueIsAnAccessItemOfItsOwn) {
  const auto expanded =
      ExpandRepeated({Org("O/a"), {"x", "1", false}, Org("O/b")});
  ASSERT_TRUE(expanded.ok());
  std::string out;
  for (const auto& combination : *expanded) {
    for (const Parameter& p : combination) out += p.name + "=" + p.value + " ";
    out += "| ";
  }
  EXPECT_EQ(out, "org=O/a x=1 | org=O/b x=1 | ");
}

TEST(RepeatedParametersTest, CombinationsAreBounded) {
  std::vector<Parameter> parameters;
  for (size_t i = 0; i < kMaxCombinations; ++i) {
    parameters.push_back({"a", std::to_string(i), false});
  }
  EXPECT_TRUE(ExpandRepeated(parameters).ok());
  parameters.push_back({"a", "one more", false});
  EXPECT_EQ(ExpandRepeated(parameters).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(RepeatedParametersTest, ANegationExcludesAllValuesAtOnce) {
  const std::vector<Parameter> two = {Org("O/a"), Org("O/b")};
  EXPECT_EQ(SpreadNegations("Patient?_compartment:not=%org&active=true", two),
            "Patient?_compartment:not=O/a&_compartment:not=O/b&active=true");
  EXPECT_EQ(SpreadNegations("Patient?_compartment=%org", two),
            "Patient?_compartment=%org");
  EXPECT_EQ(SpreadNegations("Patient?_compartment:not=%org", {Org("O/a")}),
            "Patient?_compartment:not=%org");
}

}  // namespace
}  // namespace pdp::policy

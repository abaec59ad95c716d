#include "pdp/fhir/search/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

#include "pdp/fhir/schema.h"

namespace pdp::fhir::search {
namespace {

std::string Display(std::string_view type, std::string_view json) {
  simdjson::dom::parser parser;
  const JsonElement object = parser.parse(json.data(), json.size());
  const absl::StatusOr<std::string> text =
      DisplayText(fhirpath::Value::Object(object, FindType(type)));
  return text.ok() ? *text : "error";
}

TEST(TextTest, WritesNumbersAsJavaScriptDoes) {
  const struct {
    double number;
    std::string_view want;
  } cases[] = {
      {0, "0"},
      {-0.0, "0"},
      {5, "5"},
      {-5.25, "-5.25"},
      {0.1, "0.1"},
      {0.000001, "0.000001"},
      {0.0000001, "1e-7"},
      {1.5e-7, "1.5e-7"},
      {100, "100"},
      {1e20, "100000000000000000000"},
      {1e21, "1e+21"},
      {1.25e21, "1.25e+21"},
      {123456789012345680000.0, "123456789012345680000"},
      {0.1 + 0.2, "0.30000000000000004"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(JavaScriptNumber(test.number), test.want);
  }
}

TEST(TextTest, ShowsValuesAsMedplumDoes) {
  const struct {
    std::string_view type;
    std::string_view json;
    std::string_view want;
  } cases[] = {
      {"HumanName",
       R"({"prefix":["Dr"],"given":["A","B"],"family":"F","suffix":["Jr"],
           "text":"T"})",
       "Dr A B F Jr"},
      {"HumanName", R"({"text":"T"})", "T"},
      {"HumanName", R"({"given":[null,"","B"],"family":" F "})", "B  F"},
      {"HumanName", R"({"given":["A",null,"B"],"text":"T"})", "A  B"},
      {"HumanName", R"({"given":[null],"text":"T"})", ""},
      {"HumanName", R"({"text":" T "})", " T "},
      {"HumanName", R"({"given":"B"})", "error"},
      {"HumanName", R"({"family":5})", "error"},
      {"Address",
       R"({"line":["l1","l2"],"city":"C","state":"S","postalCode":"P",
           "country":"X","district":"D","text":"T"})",
       "l1, l2, C, S, P"},
      {"Address", R"({"postalCode":"P"})", "P"},
      {"Address", R"({"line":["a","","b"],"city":"C"})", "a, , b, C"},
      {"CodeableConcept", R"({"text":"T","coding":[{"code":"c"}]})", "T"},
      {"CodeableConcept",
       R"({"coding":[{"code":"c","display":"D"},{"code":"e"},{"system":"s"}]})",
       "D, e, "},
      {"CodeableConcept", R"({"coding":{"code":"c"}})", "error"},
      {"Coding", R"({"system":"s","code":"c"})", "c"},
      {"ContactPoint", R"({"system":"phone","value":"555"})", "555"},
      {"Quantity", R"({"comparator":"<","value":5.50,"unit":"mg"})",
       "< 5.5 mg"},
      {"Quantity", R"({"value":5,"unit":"%"})", "5%"},
      {"Quantity", R"({"unit":"mg"})", "mg"},
      {"Quantity", R"({"comparator":"<","unit":"%"})", "< %"},
      {"Quantity", R"({"value":0})", "0"},
      {"Reference", R"({"reference":"a/b","display":"D"})", "D"},
      {"Reference", R"({"reference":"a/b"})", "a/b"},
      {"Reference", R"({"reference":"a/b","display":""})", ""},
      {"Reference", R"({"identifier":{"value":"x"}})",
       R"({"identifier":{"value":"x"}})"},
      {"Period", R"({"start":"2020"})", "[object Object]"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    SCOPED_TRACE(test.json);
    EXPECT_EQ(Display(test.type, test.json), test.want);
  }
}

}  // namespace
}  // namespace pdp::fhir::search

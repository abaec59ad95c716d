#include "pdp/fhir/json_edit.h"

#include <gtest/gtest.h>

#include <string>

namespace pdp::fhir {
namespace {

bool IsSame(const std::string& a, const std::string& b) {
  simdjson::dom::parser parser_a;
  simdjson::dom::parser parser_b;
  const JsonElement one = parser_a.parse(a).value_unsafe();
  const JsonElement other = parser_b.parse(b).value_unsafe();
  return IsSameContent(one, other) && IsSameContent(other, one);
}

TEST(JsonEditTest, ContentIsComparedAsMedplumDoes) {
  const struct {
    const char* a;
    const char* b;
    bool same;
  } kCases[] = {
      {R"({"a":1,"b":"x"})", R"({"b":"x","a":1.0})", true},
      {R"({"a":1})", R"({"a":"1"})", false},
      {R"({"a":true})", R"({"a":false})", false},
      {R"({"a":false})", R"({})", false},
      {R"({"a":0})", R"({})", false},
      {R"({"a":[]})", R"({})", true},
      {R"({"a":{"b":[""]}})", R"({})", true},
      {R"({"a":["",1]})", R"({"a":[null,1]})", true},
      {R"({"a":["",1]})", R"({"a":[1]})", false},
      {R"({"a":[1,2]})", R"({"a":[2,1]})", false},
      {R"({"a":[1]})", R"({"a":{"b":1}})", false},
      {R"({"meta":{"versionId":"1","tag":[{"code":"x"}]}})",
       R"({"meta":{"versionId":"2","tag":[{"code":"x"}]}})", true},
      {R"({"meta":{"tag":[{"code":"x"}]}})",
       R"({"meta":{"tag":[{"code":"y"}]}})", false},
      {R"({"meta":{"author":{"reference":"a"}}})", R"({"meta":{}})", true},
      {R"({"meta":{"onBehalfOf":{"reference":"a"}}})", R"({"meta":{}})", false},
      {R"({"versionId":"1"})", R"({"versionId":"2"})", false},
      {R"({"contained":[{"meta":{"versionId":"1"}}]})",
       R"({"contained":[{"meta":{"versionId":"2"}}]})", true},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(IsSame(c.a, c.b), c.same) << c.a << " and " << c.b;
  }
}

TEST(JsonEditTest, MembersAreReplacedInPlaceOrAddedAtTheEnd) {
  simdjson::dom::parser parser;
  const std::string text = R"({"a":1,"b":{"c":"\n"},"d":3})";
  const JsonElement object = parser.parse(text).value_unsafe();
  EXPECT_EQ(EditObject(object, {{"d", ""}, {"a", "[]"}, {"e", "4"}, {"f", ""}}),
            R"({"a":[],"b":{"c":"\n"},"e":4})");
}

}  // namespace
}  // namespace pdp::fhir

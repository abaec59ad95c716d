#include "pdp/fhir/field_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/resource.h"

namespace pdp::fhir {
namespace {

struct RemoveCase {
  const char* name;
  const char* members;  // Beside resourceType.
  std::vector<std::string_view> paths;
  const char* left;
  size_t removed;
};

const RemoveCase kRemoveCases[] = {
    {"NoPathLeavesAll",
     R"("id":"1","active":true)",
     {},
     R"("id":"1","active":true)",
     0},
    {"TopLevel",
     R"("id":"1","name":[{"family":"A"}],"active":true)",
     {"name"},
     R"("id":"1","active":true)",
     1},
    {"AbsentIsLeftAlone",
     R"("id":"1")",
     {"name", "name.family"},
     R"("id":"1")",
     0},
    {"NestedInAnObject",
     R"("subject":{"reference":"a","display":"b"})",
     {"subject.display"},
     R"("subject":{"reference":"a"})",
     1},
    {"NestedInAnArrayCountsEachItem",
     R"("name":[{"family":"A","use":"x"},{"family":"B"},{"use":"y"}])",
     {"name.family"},
     R"("name":[{"use":"x"},{},{"use":"y"}])",
     2},
    {"PrimitivesOnTheWayAreSkipped",
     R"("name":"text","active":true)",
     {"name.family", "active.x"},
     R"("name":"text","active":true)",
     0},
    {"OneLevelOfArraysOnly",
     R"("a":[[{"b":1}],{"b":2}])",
     {"a.b"},
     R"("a":[[{"b":1}],{}])",
     1},
    {"ChoiceRemovesEveryType",
     R"("valueString":"a","valueQuantity":{"value":1},"valueSet":"s","value":1)",
     {"value[x]"},
     R"("valueSet":"s","value":1)",
     2},
    {"ChoiceLeavesPrimitiveExtensions",
     R"("valueString":"a","_valueString":{"id":"x"})",
     {"value[x]"},
     R"("_valueString":{"id":"x"})",
     1},
    {"BaseNameOfAChoiceRemovesNothing",
     R"("deceasedBoolean":true)",
     {"deceased"},
     R"("deceasedBoolean":true)",
     0},
    {"ChoiceInTheMiddle",
     R"("component":[{"valueQuantity":{"value":1,"unit":"kg"}}])",
     {"component.value[x].unit"},
     R"("component":[{"valueQuantity":{"value":1}}])",
     1},
    {"ExtensionOfAPrimitiveStays",
     R"("birthDate":"2000","_birthDate":{})",
     {"birthDate"},
     R"("_birthDate":{})",
     1},
    {"WholeAndPartOfIt",
     R"("name":[{"family":"A"}],"id":"1")",
     {"name.family", "name"},
     R"("id":"1")",
     1},
    {"MemberTwiceInThePathsIsRemovedOnce",
     R"("name":[],"id":"1")",
     {"name", "name"},
     R"("id":"1")",
     1},
    {"EmptySegmentNamesNothing",
     R"("name":{"a":1})",
     {"", "name."},
     R"("name":{"a":1})",
     0},
    {"NullItemIsNotReachedOnceTheArrayIsGone",
     R"("name":[null],"id":"1")",
     {"name", "name.family"},
     R"("id":"1")",
     1},
    {"ItemsOfARemovedArrayMayBeNull",
     R"("name":[null],"id":"1")",
     {"name"},
     R"("id":"1")",
     1},
    {"WhatIsLeftStaysByteForByte",
     R"( "a" : 1.10 , "id" : "1" ,"div":"\u0061\"b\/\n" , "b":1e2 )",
     {"id"},
     R"( "a" : 1.10 ,"div":"\u0061\"b\/\n" , "b":1e2 )",
     1},
    {"FirstOnesGoWithTheCommaBehindThem",
     R"("text" : { "x":1, "y" : 2 , "z":3 })",
     {"text.x", "text.y"},
     R"("text" : { "z":3 })",
     2},
    {"LastOnesGoWithTheCommaBeforeThem",
     R"("text" : { "x":1 , "y" : 2 , "z":3 })",
     {"text.z", "text.y"},
     R"("text" : { "x":1 })",
     2},
    {"AllOfThem",
     R"("text" : { "x":1 , "y" : 2 })",
     {"text.y", "text.x"},
     R"("text" : {  })",
     2},
    {"EveryOtherOne",
     R"("text":{"a":1,"b":2,"c":3,"d":4,"e":5})",
     {"text.a", "text.c", "text.e"},
     R"("text":{"b":2,"d":4})",
     3},
    {"ANameInEscapesIsTheSameName",
     R"("n\u0061me":"x","id":"1")",
     {"name"},
     R"("id":"1")",
     1},
    {"AStringThatLooksLikeAnObjectIsNone",
     R"("name":"{\"family\":1}","id":"[null]")",
     {"name.family", "id.x"},
     R"("name":"{\"family\":1}","id":"[null]")",
     0},
};

TEST(RemoveFieldsTest, RemovesWhatThePathsName) {
  for (const RemoveCase& c : kRemoveCases) {
    SCOPED_TRACE(c.name);
    const std::string head = "{\"resourceType\":\"Patient\",";
    const auto resource = Resource::Parse(head + c.members + "}");
    ASSERT_TRUE(resource.ok()) << resource.status();
    const auto removal = RemoveFields((*resource)->json(), c.paths);
    ASSERT_TRUE(removal.ok()) << removal.status();
    EXPECT_EQ(removal->json, head + c.left + "}");
    EXPECT_EQ(removal->removed, c.removed);
  }
}

TEST(RemoveFieldsTest, NullItemOnTheWayIsAnError) {
  const auto resource = Resource::Parse(
      R"({"resourceType":"Patient","name":[{"family":"A"},null]})");
  ASSERT_TRUE(resource.ok()) << resource.status();
  const std::vector<std::string_view> paths[] = {
      {"name.family"}, {"name.family", "name"}, {"id", "name.given.x"}};
  for (const auto& list : paths) {
    const auto removal = RemoveFields((*resource)->json(), list);
    EXPECT_EQ(removal.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(removal.status().message()),
                testing::HasSubstr("leads into an array with a null item"));
  }
}

TEST(RemoveFieldsTest, EveryDataTypeIsAChoice) {
  for (const std::string_view key :
       {"valueAddress", "valueBase64Binary", "valueBoolean", "valueDateTime",
        "valueId", "valuestring", "valueReference", "valueTiming",
        "valueUuid"}) {
    EXPECT_TRUE(SegmentNames("value[x]", key)) << key;
  }
  for (const std::string_view key :
       {"value", "valueSet", "valuePatient", "_valueString", "valuestringy"}) {
    EXPECT_FALSE(SegmentNames("value[x]", key)) << key;
  }
}

}  // namespace
}  // namespace pdp::fhir

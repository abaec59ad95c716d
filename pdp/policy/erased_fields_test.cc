#include "pdp/policy/erased_fields.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/world.h"

namespace pdp::policy {
namespace {

TEST(ErasedFieldsTest, WhatIsLeftMustBeValid) {
  constexpr const char* kBooked =
      "{'resourceType':'Appointment','status':'booked','start':"
      "'2024-01-01T00:00:00Z','participant':[{'status':'accepted','actor':"
      "{'display':'x'}}]}";
  const struct {
    const char* name;
    const char* resource;
    std::vector<std::string_view> paths;
    const char* want;
  } kCases[] = {
      {"Nothing", "{'resourceType':'Patient'}", {"name"}, ""},
      {"AConstraintOfTheResource",
       kBooked,
       {"end"},
       "the constraint app-2 of FHIR does not hold"},
      {"AConstraintOfAnElement",
       "{'resourceType':'Patient','contact':[{'gender':'male'}]}",
       {"contact.telecom"},
       "the constraint pat-1 of FHIR does not hold"},
      {"AnElementThatStillHasWhatItNeeds",
       "{'resourceType':'Patient','contact':[{'name':{'family':'x'}}]}",
       {"contact.telecom"},
       ""},
      {"AnExtension",
       "{'resourceType':'Patient','extension':[{'url':'u'}]}",
       {"extension.value[x]"},
       "the constraint ext-1 of FHIR does not hold"},
      {"AnEmptyItem",
       "{'resourceType':'Observation','code':{'coding':[{}]}}",
       {"code.coding.system"},
       "without `code.coding.system` an item of an array is empty"},
      {"AnEmptyObjectIsNoItem",
       "{'resourceType':'Patient','maritalStatus':{}}",
       {"maritalStatus.text"},
       ""},
      {"DataTypesAreNotChecked",
       "{'resourceType':'Patient','telecom':[{'value':'1'}]}",
       {"telecom.system"},
       ""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    fhir::fhirpath::Scratch scratch;
    EXPECT_EQ(ErasureProblem(*testing::Json(c.resource), c.paths, scratch),
              c.want);
  }
}

}  // namespace
}  // namespace pdp::policy

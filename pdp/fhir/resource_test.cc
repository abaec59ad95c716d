#include "pdp/fhir/resource.h"

#include <gtest/gtest.h>

#include <string>

#include "pdp/base/strings.h"

namespace pdp::fhir {
namespace {

std::string Members(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += StrCat("\"member", i, "\":1,");
  return text;
}

TEST(ResourceTest, ARepeatedMemberIsRefusedWhereverItIs) {
  const struct {
    std::string name;
    std::string json;
    bool is_refused;
  } kCases[] = {
      {"none", R"({"resourceType":"Patient","a":1,"b":1})", false},
      {"next to it", R"({"resourceType":"Patient","a":1,"a":1})", true},
      {"at the ends", R"({"a":1,"resourceType":"Patient","b":1,"a":1})", true},
      {"escaped", R"({"resourceType":"Patient","a":1,"\u0061":1})", true},
      {"empty", R"({"resourceType":"Patient","":1,"":1})", true},
      {"within", R"({"resourceType":"Patient","b":{"c":{"a":1,"a":1}}})", true},
      {"in a list", R"({"resourceType":"Patient","b":[{},{"a":1,"a":1}]})",
       true},
      {"in two objects", R"({"resourceType":"Patient","b":[{"a":1},{"a":1}]})",
       false},
      // The same size, first, middle and last characters.
      {"alike", R"({"resourceType":"Patient","abcbe":1,"accce":1,"adcde":1})",
       false},
      {"alike and the same",
       R"({"resourceType":"Patient","abcbe":1,"accce":1,"abcbe":1})", true},
      {"among many",
       StrCat("{", Members(23), R"("resourceType":"Patient","member0":1})"),
       true},
      {"among more",
       StrCat("{", Members(24), R"("resourceType":"Patient","member24":1})"),
       false},
      {"the last among more",
       StrCat("{", Members(24), R"("resourceType":"Patient","member23":1})"),
       true},
      {"the first among very many",
       StrCat("{", Members(1000), R"("resourceType":"Patient","member0":1})"),
       true},
      {"none among very many",
       StrCat("{", Members(1000), R"("resourceType":"Patient"})"), false},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(absl::IsInvalidArgument(Resource::Parse(test.json).status()),
              test.is_refused);
    EXPECT_EQ(Resource::Parse(test.json).ok(), !test.is_refused);
  }
}

}  // namespace
}  // namespace pdp::fhir

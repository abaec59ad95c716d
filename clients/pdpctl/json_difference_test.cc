#include "clients/pdpctl/json_difference.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace pdp::ctl {
namespace {

struct DifferenceCase {
  const char* name;
  const char* expected;
  const char* got;
  const char* difference;  // Empty: the same.
  bool is_surplus = false;
};

const DifferenceCase kCases[] = {
    {"OrderOfMembersDoesNotMatter", R"({"a":1,"b":"x"})", R"({"b":"x","a":1})",
     ""},
    {"EmptyIsAbsent", R"({"a":null,"b":"","c":[],"d":{"e":[]}})", "{}", ""},
    {"NumbersAreComparedByValue", R"({"a":1.0})", R"({"a":1})", ""},
    {"MissingMember", R"({"a":{"b":1,"c":2}})", R"({"a":{"b":null,"c":2}})",
     "`a.b`: expected 1, got nothing"},
    {"SurplusMember", R"({"a":[{"b":1}]})", R"({"a":[{"b":1,"c":"x"}]})",
     "`a[0].c`: expected nothing, got \"x\"", true},
    {"OtherValue", R"({"a":["x","y"]})", R"({"a":["x","z"]})",
     "`a[1]`: expected \"y\", got \"z\""},
    {"OtherType", R"({"a":true})", R"({"a":"true"})",
     "`a`: expected true, got \"true\""},
    {"OtherLength", R"({"a":[1]})", R"({"a":[1,2]})",
     "`a`: expected [1], got [1,2]"},
    {"OrderOfItemsMatters", R"({"a":[1,2]})", R"({"a":[2,1]})",
     "`a[0]`: expected 1, got 2"},
    {"UnlessItDoesNot", R"({"set":[1,2,2]})", R"({"set":[2,1,2]})", ""},
    {"UnorderedItemsStillCount", R"({"set":[1,2,2]})", R"({"set":[2,1,1]})",
     "`set`: expected [1,2,2], got [2,1,1]"},
    {"IgnoredPaths", R"({"meta":{"versionId":"1","x":2}})",
     R"({"meta":{"x":2}})", ""},
    {"NothingButIgnoredIsAbsent", "{}", R"({"meta":{"versionId":"1"}})", ""},
    {"AnyValueWillDo", R"({"at":"1"})", R"({"at":"2"})", ""},
    {"AnyValueMustBeThere", R"({"at":"1"})", "{}",
     "`at`: expected \"1\", got nothing"},
    {"AnyValueMustNotBeMore", "{}", R"({"at":"1"})",
     "`at`: expected nothing, got \"1\"", true},
    {"IgnoredPathsOfOneLevelOnly", R"({"x":{"versionId":"1"}})", R"({"x":{}})",
     "`x`: expected {\"versionId\":\"1\"}, got nothing"},
    {"IdsThatStandForEachOther", R"({"r":"Patient/e1"})",
     R"({"r":"Patient/g1"})", ""},
};

std::string Compare(const char* expected, const char* got,
                    const DifferenceOptions& options, bool& is_surplus) {
  simdjson::dom::parser parser_a;
  simdjson::dom::parser parser_b;
  const auto difference =
      FindDifference(parser_a.parse(std::string(expected)).value(),
                     parser_b.parse(std::string(got)).value(), options);
  is_surplus = difference && difference->is_surplus;
  return difference ? difference->text : "";
}

TEST(FindDifferenceTest, NamesTheFirstDifference) {
  const std::string_view ignored[] = {"meta.versionId"};
  const std::string_view unordered[] = {"set"};
  DifferenceOptions options;
  options.ignored = ignored;
  options.unordered = unordered;
  const std::string_view any_value[] = {"at"};
  options.any_value = any_value;
  options.expected_id = "e1";
  options.got_id = "g1";
  for (const DifferenceCase& c : kCases) {
    SCOPED_TRACE(c.name);
    bool is_surplus = false;
    EXPECT_EQ(Compare(c.expected, c.got, options, is_surplus), c.difference);
    EXPECT_EQ(is_surplus, c.is_surplus);
  }
}

TEST(FindDifferenceTest, EmptyCountsWhereAsked) {
  DifferenceOptions options;
  options.empty_is_absent = false;
  bool is_surplus = false;
  EXPECT_EQ(Compare(R"({"interaction":[]})", "{}", options, is_surplus),
            "`interaction`: expected [], got nothing");
}

}  // namespace
}  // namespace pdp::ctl

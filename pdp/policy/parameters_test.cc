#include "pdp/policy/parameters.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pdp::policy {
namespace {

Parameter Text(std::string_view name, std::string_view value) {
  return {std::string(name), std::string(value), /*is_reference=*/false};
}
Parameter Ref(const char* name, const char* value) {
  return {std::string(name), std::string(value), /*is_reference=*/true};
}

TEST(ParametersTest, SubstitutesAsMedplumDoes) {
  const struct {
    const char* name;
    std::vector<Parameter> parameters;
    const char* text;
    const char* want;
  } kCases[] = {
      {"EveryOccurrence", {Text("a", "1")}, "%a,%a", "1,1"},
      {"TheFirstOfARepeatedNameWins",
       {Text("a", "1"), Text("a", "2")},
       "%a",
       "1"},
      {"AShorterNameEatsTheBeginningOfALongerOne",
       {Text("org", "X"), Text("organization", "Y")},
       "%organization",
       "Xanization"},
      {"TheLongerNameFirstIsSafe",
       {Text("organization", "Y"), Text("org", "X")},
       "%organization %org",
       "Y X"},
      {"AValueIsSubjectToLaterParameters",
       {Text("a", "%b"), Text("b", "2")},
       "%a",
       "2"},
      {"AReferenceHasAnId",
       {Ref("o", "Organization/7")},
       "%o.id %o",
       "7 Organization/7"},
      {"AVersionedReferenceGivesItsSecondSegment",
       {Ref("o", "Organization/7/_history/3")},
       "%o.id",
       "7"},
      {"ATextHasNone", {Text("o", "x")}, "%o.id", "x.id"},
      {"AReferenceWithoutSlashHasAnUndefinedId",
       {Ref("o", "seven")},
       "%o.id",
       "undefined"},
      {"AnEmptyTextLeavesTheName", {Text("a", "")}, "%a", "%a"},
      {"AnUnknownNameStays", {Text("a", "1")}, "%b", "%b"},
      {"TwoDollarsAreOne", {Text("a", "$$")}, "x%ay", "x$y"},
      {"DollarAmpersandIsTheMatch", {Text("a", "[$&]")}, "x%ay", "x[%a]y"},
      {"DollarBacktickIsWhatStoodBefore", {Text("a", "$`")}, "x%ay", "xxy"},
      {"DollarQuoteIsWhatStandsBehind", {Text("a", "$'")}, "x%ay", "xyy"},
      {"AnotherDollarIsItself", {Text("a", "$1 $")}, "%a", "$1 $"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Substitute(c.text, c.parameters), c.want);
  }
}

TEST(ParametersTest, ProfileAndPatientFollowTheOwnOnes) {
  const auto names = [](const std::vector<Parameter>& parameters) {
    std::string out;
    for (const Parameter& parameter : parameters) {
      out += parameter.name + "=" + parameter.value + ";";
    }
    return out;
  };
  EXPECT_EQ(names(BindingParameters({}, "Practitioner/1")),
            "profile=Practitioner/1;patient=Practitioner/1;");
  EXPECT_EQ(names(BindingParameters({Text("patient", "x")}, "P/1")),
            "patient=x;profile=P/1;");
  EXPECT_EQ(names(BindingParameters({Text("profile", "x")}, "P/1")),
            "profile=x;profile=P/1;patient=P/1;");
}

TEST(ParametersTest, KnowsValuesThatChangeThePolicy) {
  const struct {
    const char* value;
    bool is_plain;
    bool changes;
  } kCases[] = {
      {"Organization/7", true, false},
      {"Zürich +1", true, false},
      {"a\"b", false, true},
      {"a\\b", false, true},
      {"a$b", false, true},
      {"a\nb", false, true},
      {"a&b=c", true, true},
      {"a?b", true, true},
      {"O'Brien", true, false},
      {"%other", true, true},
      {"%profile", true, true},
      {"100%", true, false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.value);
    const Parameter parameter = Text("p", c.value);
    const std::vector<Parameter> all =
        BindingParameters({parameter, Text("other", "x")}, "P/1");
    EXPECT_EQ(ArePlain({parameter}), c.is_plain);
    EXPECT_EQ(ChangesStructure(parameter, all), c.changes);
  }
}

TEST(ParametersTest, KnowsValuesThatEndTheStringsOfAConstraint) {
  constexpr std::string_view kConstraint = "%after.status = '%p'";
  EXPECT_TRUE(ChangesConstraint(Text("p", "' or true or '"), kConstraint));
  EXPECT_TRUE(ChangesConstraint(Text("p", "`"), kConstraint));
  EXPECT_FALSE(ChangesConstraint(Text("p", "final"), kConstraint));
  EXPECT_FALSE(ChangesConstraint(Text("q", "'"), kConstraint));
  EXPECT_FALSE(ChangesConstraint(Text("p", "a or b"), kConstraint));
}

TEST(ParametersTest, OutsideOfStringsOnlyLiteralsLeaveAConstraintAsItIs) {
  const struct {
    const char* constraint;
    const char* value;
    bool changes;
  } kCases[] = {
      {"%after.value <= %p", "10", false},
      {"%after.value <= %p", "-1.5", false},
      {"%after.birthDate >= @%p", "2026-01-01T10:00", false},
      {"%after.value <= %p", "0 or true", true},
      {"%after.value <= %p", "0|true", true},
      {"%after.value <= %p", "now()", true},
      {"%after.value <= %p", "a=a", true},
      {"'it\\'s' = '%p' and %p", "a b", true},
      {"'it\\'s %p'", "a b", false},
      {"\"%p\" = `%p`", "a b", false},
      {"'a' // it's\n and %p", "a b", true},
      {"'a' /* ' */ and '%p'", "a b", true},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(testing::Message() << c.constraint << ", " << c.value);
    EXPECT_EQ(ChangesConstraint(Text("p", c.value), c.constraint), c.changes);
  }
}

TEST(ParametersTest, TextDoesNotGrowWithoutEnd) {
  std::string mentions;
  for (int i = 0; i < 1000; ++i) mentions += "%a";
  std::string more;
  for (int i = 0; i < 1000; ++i) more += "%b";
  const std::string value(100, 'x');
  EXPECT_TRUE(Substitute(mentions, {Text("a", value)}).has_value());
  EXPECT_EQ(Substitute(mentions, {Text("a", more), Text("b", value)}),
            std::nullopt);
  // Each takes all that stands before it.
  std::string doubling(64, ' ');
  for (int i = 0; i < 40; ++i) doubling += "%a";
  EXPECT_EQ(Substitute(doubling, {Text("a", "$`$`$`$`$`$`$`%b"),
                                  Text("b", "$`$'$`$'%c"), Text("c", "$`$'")}),
            std::nullopt);
}

}  // namespace
}  // namespace pdp::policy

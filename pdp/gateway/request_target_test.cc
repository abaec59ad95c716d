#include "pdp/gateway/request_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pdp::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kBase[] = "/fhir/R4";

TEST(RequestTargetTest, TakesAPlainTargetApart) {
  const auto target =
      ParseTarget(kBase, "/fhir/R4/Patient?name=a+b%2Cc&code%3Atext=%C3%A9");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_THAT(target->segments, ElementsAre("Patient"));
  EXPECT_EQ(target->query, "name=a+b%2Cc&code%3Atext=%C3%A9");
  EXPECT_THAT(target->parameters,
              ElementsAre(Pair("name", "a b,c"), Pair("code:text", "é")));

  EXPECT_THAT(ParseTarget(kBase, kBase)->segments, IsEmpty());
  EXPECT_THAT(ParseTarget("", "/Patient/1/_history/2.a-3")->segments,
              ElementsAre("Patient", "1", "_history", "2.a-3"));
  EXPECT_THAT(ParseTarget(kBase, "/fhir/R4/Patient?")->parameters, IsEmpty());
}

// What some server reads otherwise than this one would.
TEST(RequestTargetTest, RefusesWhatIsNotInItsPlainForm) {
  const std::string nul("/fhir/R4/Patient/1\0", 19);
  const struct {
    const char* name;
    std::string target;
  } kCases[] = {
      {"Empty", ""},
      {"AbsoluteForm", "http://example.com/fhir/R4/Patient/1"},
      {"AbsoluteFormWithoutScheme", "//example.com/fhir/R4/Patient/1"},
      {"AuthorityForm", "example.com:443"},
      {"AsteriskForm", "*"},
      {"RelativePath", "fhir/R4/Patient/1"},
      {"OutsideTheBase", "/admin"},
      {"BaseAsPrefixOfAName", "/fhir/R4x/Patient/1"},
      {"BaseInAnotherCase", "/FHIR/r4/Patient/1"},
      {"BaseTwice", "/fhir//R4/Patient/1"},
      {"DoubleSlash", "/fhir/R4//Patient/1"},
      {"DoubleSlashInside", "/fhir/R4/Patient//1"},
      {"TrailingSlash", "/fhir/R4/Patient/1/"},
      {"TrailingSlashOfBase", "/fhir/R4/"},
      {"Dot", "/fhir/R4/./Patient/1"},
      {"DotDot", "/fhir/R4/Patient/../Practitioner/1"},
      {"DotDotOutside", "/fhir/R4/../../admin"},
      {"DotDotOfTheBase", "/x/../fhir/R4/Patient/1"},
      {"ThreeDots", "/fhir/R4/Patient/..."},
      {"EncodedDots", "/fhir/R4/Patient/%2e%2e/Practitioner/1"},
      {"HalfEncodedDots", "/fhir/R4/Patient/.%2E/Practitioner/1"},
      {"EncodedSlash", "/fhir/R4/Patient%2F1"},
      {"EncodedSlashInLowerCase", "/fhir/R4/Patient%2f1"},
      {"TwiceEncodedSlash", "/fhir/R4/Patient%252F1"},
      {"EncodedBackslash", "/fhir/R4/Patient%5C1"},
      {"Backslash", "/fhir/R4/Patient\\1"},
      {"EncodedLetter", "/fhir/R4/%50atient/1"},
      {"EncodedQuestionMark", "/fhir/R4/Patient/1%3F_format=json"},
      {"EncodedNul", "/fhir/R4/Patient/1%00"},
      {"Nul", nul},
      {"EncodedNewline", "/fhir/R4/Patient/1%0d%0aX:%20y"},
      {"OverlongEncoding", "/fhir/R4/Patient/%c0%ae%c0%ae/1"},
      {"MalformedEncoding", "/fhir/R4/Patient/%zz"},
      {"Semicolon", "/fhir/R4/Patient/1;a=b"},
      {"SemicolonDots", "/fhir/R4/Patient/..;/Practitioner/1"},
      {"Fragment", "/fhir/R4/Patient/1#/Practitioner/2"},
      {"FragmentInQuery", "/fhir/R4/Patient?name=a#b"},
      {"Space", "/fhir/R4/Patient/1 "},
      {"Tab", "/fhir/R4/Patient/1\t"},
      {"NotAscii", "/fhir/R4/Patient/\xc3\xa9"},
      {"FullWidthSlash", "/fhir/R4/Patient／1"},
      {"At", "/fhir/R4/Patient/1@example.com"},
      {"Colon", "/fhir/R4/Patient/1:80"},
      {"TwoQuestionMarks", "/fhir/R4/Patient?name=a?b"},
      {"QuestionMarkFirst", "?/fhir/R4/Patient"},
      {"TooManySegments", "/fhir/R4/a/b/c/d/e/f/g/h/i"},
      {"TooLong", "/fhir/R4/Patient?name=" + std::string(8192, 'a')},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ParseTarget(kBase, c.target).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(RequestTargetTest, RefusesQueriesThatReadersDifferAbout) {
  std::string many = "a=1";
  for (size_t i = 1; i < kMaxParameters; ++i) many += "&a=1";
  Parameters parameters;
  EXPECT_TRUE(ParseParameters(many, parameters).ok());
  EXPECT_EQ(parameters.size(), kMaxParameters);
  const struct {
    const char* name;
    std::string query;
  } kCases[] = {
      {"TooManyParameters", many + "&b=1"},
      {"Semicolon", "a=1;b=2"},
      {"EmptyParameter", "a=1&&b=2"},
      {"AmpersandAtTheEnd", "a=1&"},
      {"NoValue", "a"},
      {"NoName", "=1"},
      {"NulInAValue", "a=%00"},
      {"NewlineInAValue", "a=%0A"},
      {"NotUtf8", "a=%ff"},
      {"OverlongUtf8", "a=%c0%ae"},
      {"HalfAnEncoding", "a=%2"},
      {"NoEncoding", "a=%zz"},
      {"EncodedLetterOfAName", "%61=1"},
      {"EncodedUnderscoreOfAName", "%5Fid=1"},
      {"BracketsInAName", "a[b]=1"},
      {"EncodedBracketsInAName", "a%5Bb%5D=1"},
      {"SpaceInAName", "a+b=1"},
      {"NulInAName", "a%00=1"},
      {"MethodOverride", "_method=DELETE"},
      {"Token", "name=a&access_token=abc"},
      {"Quote", "a=\""},
      {"Angle", "a=<b>"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    parameters.clear();
    EXPECT_EQ(ParseParameters(c.query, parameters).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(RequestTargetTest, KnowsTheSameSearchHoweverItIsWritten) {
  EXPECT_TRUE(IsSameQuery("", ""));
  EXPECT_TRUE(IsSameQuery("name=a+b&code%3Atext=c", "code:text=c&name=a%20b"));
  // The caller has said already what the policy says.
  EXPECT_TRUE(IsSameQuery("gender=female&name=a",
                          "gender=female&gender=female&name=a"));
  const struct {
    const char* name;
    const char* a;
    const char* b;
  } kCases[] = {
      {"OneMore", "name=a", "name=a&_project=1"},
      {"OneLess", "name=a&_project=1", "name=a"},
      {"AnotherValue", "name=a", "name=b"},
      {"AnotherCase", "name=a", "name=A"},
      {"AnotherName", "name=a", "name:exact=a"},
      {"TwiceAsked", "name=a&name=a", "name=a"},
      {"TwiceAndAnother", "a=1", "a=1&a=2&a=1"},
      // Some servers take the first, or the last.
      {"OneOfSeveral", "a=1&a=2", "a=1&a=2&a=2"},
      {"AnotherOrderOfOneName", "_sort=a&_sort=b", "_sort=b&_sort=a"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_FALSE(IsSameQuery(c.a, c.b));
  }
}

TEST(RequestTargetTest, ABasePathIsPlain) {
  for (const char* path : {"", "/fhir/R4", "/api/v1.2/fhir"}) {
    EXPECT_TRUE(IsBasePath(path)) << path;
  }
  for (const char* path : {"/", "fhir", "/fhir/", "/fhir/../x", "/fhir?a=b",
                           "/%66hir", "//fhir"}) {
    EXPECT_FALSE(IsBasePath(path)) << path;
  }
}

}  // namespace
}  // namespace pdp::gateway

#include "pdp/fhir/fhirpath/regex.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "pdp/base/strings.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr size_t kMaxBytes = 1000;

std::string Search(std::string_view pattern, std::string_view subject) {
  const auto compiled = Pattern::Compile(pattern);
  if (!compiled.ok()) {
    return std::string(absl::StatusCodeToString(compiled.status().code()));
  }
  return (*compiled)->Search(subject) ? "yes" : "no";
}

TEST(RegexTest, PatternsMeanWhatTheyMeanInJavaScript) {
  struct Case {
    std::string_view pattern;
    std::string_view subject;
    std::string_view result;
  };
  constexpr Case kCases[] = {
      {"", "", "yes"},
      {"b", "abc", "yes"},
      {"^b", "abc", "no"},
      {"c$", "abc", "yes"},
      {"^abc$", "abc\n", "no"},
      {"^a.c$", "abc", "yes"},
      {"a.c", "a\nc", "no"},
      {"a.c",
       "a\xE2\x80\xA8"
       "c",
       "no"},
      {"^.$", "\xC3\xA9", "yes"},
      {"^.$", "\xF0\x9F\x98\x80", "no"},
      {"^..$", "\xF0\x9F\x98\x80", "yes"},
      {"\xF0\x9F\x98\x80", "a\xF0\x9F\x98\x80", "yes"},
      {"\\ud83d", "\xF0\x9F\x98\x80", "yes"},
      {"^[\xF0\x9F\x98\x80]{2}$", "\xF0\x9F\x98\x80", "yes"},
      {"^[^a]+$", "\xF0\x9F\x98\x80", "yes"},
      {"\\d", "\xD9\xA1", "no"},
      {"\\w", "\xC3\xA9", "no"},
      {"\\s", "\xC2\xA0", "yes"},
      {"\\s", "\v", "yes"},
      {"^\\S$", "\xC2\xA0", "no"},
      {"\\bb", "a b", "yes"},
      {"\\Bb", "a b", "no"},
      {"[\\b]", "\b", "yes"},
      {"[]", "a", "no"},
      {"[^]", "\n", "yes"},
      {"[a-c]", "b", "yes"},
      {"[^a-c]", "b", "no"},
      {"[\\w-]", "-", "yes"},
      {"[\\w-z]", "-", "yes"},
      {"[[:alpha:]]", "a]", "yes"},
      {"[[:alpha:]]", "b]", "no"},
      {"a{2}", "aa", "yes"},
      {"a{,2}", "a{,2}", "yes"},
      {"a{x}", "a{x}", "yes"},
      {"a{1,2}?b", "aab", "yes"},
      {"]}", "]}", "yes"},
      {"\\a\\z\\_\\-", "az_-", "yes"},
      {"\\x41\\u0042\\0", std::string_view("AB\0", 3), "yes"},
      {"\\xyz\\u1", "xyzu1", "yes"},
      {"(a|b)+c", "abac", "yes"},
      {"(?:a|b)c", "bc", "yes"},
      {"(?<n>a)", "a", "yes"},
      // No regular expressions.
      {"(", "", "INVALID_ARGUMENT"},
      {")", "", "INVALID_ARGUMENT"},
      {"[", "", "INVALID_ARGUMENT"},
      {"[b-a]", "", "INVALID_ARGUMENT"},
      {"*", "", "INVALID_ARGUMENT"},
      {"a**", "", "INVALID_ARGUMENT"},
      {"a++", "", "INVALID_ARGUMENT"},
      {"^*", "", "INVALID_ARGUMENT"},
      {"\\b+", "", "INVALID_ARGUMENT"},
      {"{1}", "", "INVALID_ARGUMENT"},
      {"a{2,1}", "", "INVALID_ARGUMENT"},
      {"(?a)", "", "INVALID_ARGUMENT"},
      {"(?P<n>a)", "", "INVALID_ARGUMENT"},
      {"(?<n>a)(?<n>b)", "", "INVALID_ARGUMENT"},
      {"\\", "", "INVALID_ARGUMENT"},
      // Regular expressions that RE2 has not.
      {"(?=a)", "", "UNIMPLEMENTED"},
      {"(?!a)", "", "UNIMPLEMENTED"},
      {"(?<=a)", "", "UNIMPLEMENTED"},
      {"(?<!a)", "", "UNIMPLEMENTED"},
      {"(a)\\1", "", "UNIMPLEMENTED"},
      {"\\k<n>", "", "UNIMPLEMENTED"},
      {"\\cA", "", "UNIMPLEMENTED"},
      {"\\01", "", "UNIMPLEMENTED"},
      {"a{1001}", "", "UNIMPLEMENTED"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.pattern);
    EXPECT_EQ(Search(test.pattern, test.subject), test.result);
  }
}

TEST(RegexTest, NestingAndLengthAreBounded) {
  EXPECT_EQ(Search(StrCat(std::string(31, '('), std::string(31, ')')), "a"),
            "yes");
  EXPECT_EQ(Search(StrCat(std::string(32, '('), std::string(32, ')')), "a"),
            "UNIMPLEMENTED");
  EXPECT_EQ(Search(std::string(4097, 'a'), "a"), "UNIMPLEMENTED");
}

struct Replacement {
  std::string_view pattern;
  std::string_view subject;
  std::string_view substitution;
  std::string_view result;
};

std::string TextOrCode(const absl::StatusOr<std::string>& text) {
  if (text.ok()) return *text;
  return std::string(absl::StatusCodeToString(text.status().code()));
}

TEST(RegexTest, EveryMatchIsReplaced) {
  constexpr Replacement kCases[] = {
      {"a", "banana", "o", "bonono"},
      {"x*", "baac", "-", "-b-a-a-c-"},
      {"a*", "baac", "-", "-b--c-"},
      {"", "ab", "-", "-a-b-"},
      {"(b)(a)", "bab", "$2$1", "abb"},
      {"(b)", "b", "$0$1$2$11", "$0b$2b1"},
      {"b", "abc", "[$&$`$']", "a[bac]c"},
      {"b", "abc", "$$", "a$c"},
      {"b", "abc", "$", "a$c"},
      {"b", "abc", "$<n>", "a$<n>c"},
      {"(?<n>b)", "abc", "${n}${n}", "abbc"},
      {"(?<n>b)", "abc", "<$<n>$<m>$<n", "a<b$<nc"},
      {"(a)|(b)", "ab", "[$1|$2]", "[a|][|b]"},
      {".", "\xF0\x9F\x98\x80", "", ""},
      {"", "\xF0\x9F\x98\x80", "-", "INVALID_ARGUMENT"},
      {"\\ud83d", "\xF0\x9F\x98\x80", "x", "INVALID_ARGUMENT"},
      {"(a)+", "aa", "x", "x"},
      {"(a)+", "aa", "$1", "UNIMPLEMENTED"},
      {"(a?)*", "aa", "x", "UNIMPLEMENTED"},
  };
  for (const Replacement& test : kCases) {
    SCOPED_TRACE(test.pattern);
    const auto pattern = Pattern::Compile(test.pattern);
    ASSERT_TRUE(pattern.ok());
    EXPECT_EQ(TextOrCode((*pattern)->ReplaceAll(test.subject, test.substitution,
                                                kMaxBytes)),
              test.result);
  }
}

TEST(RegexTest, PlainTextIsReplaced) {
  constexpr Replacement kCases[] = {
      {"a", "banana", "o", "bonono"},
      {"", "abc", "x", "xaxbxcx"},
      {"aa", "aaa", "b", "ba"},
      {".", "a.b", "$&$&", "a..b"},
      {"a", "a", "$1$<x>$$", "$1$<x>$"},
      {"", "\xF0\x9F\x98\x80", "x", "INVALID_ARGUMENT"},
  };
  for (const Replacement& test : kCases) {
    SCOPED_TRACE(test.pattern);
    EXPECT_EQ(TextOrCode(ReplaceAllText(test.subject, test.pattern,
                                        test.substitution, kMaxBytes)),
              test.result);
  }
}

TEST(RegexTest, ResultsAreBounded) {
  const std::string text(10, 'a');
  const auto pattern = Pattern::Compile("a");
  ASSERT_TRUE(pattern.ok());
  EXPECT_TRUE((*pattern)->ReplaceAll(text, "bb", 20).ok());
  EXPECT_EQ((*pattern)->ReplaceAll(text, "bb", 19).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ReplaceAllText(text, "a", "bb", 20).ok());
  EXPECT_EQ(ReplaceAllText(text, "a", "bb", 19).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace pdp::fhir::fhirpath

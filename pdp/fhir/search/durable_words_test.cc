#include "pdp/fhir/search/durable_words.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pdp::fhir::search {
namespace {

// The words with bars between them; "?" where they are not known.
std::string Joined(const std::optional<std::vector<std::string>>& words) {
  if (!words) return "?";
  std::string text;
  for (const std::string& word : *words) {
    if (!text.empty()) text += '|';
    text += word;
  }
  return text;
}

struct Case {
  std::string_view text;
  std::string_view want;
};

TEST(DurableWordsTest, TextsAreCutAsTheDatabaseCutsThem) {
  constexpr Case kCases[] = {
      {"", ""},
      {"Dr Ann Lee", "Dr|Ann|Lee"},
      {"  a,b;c ", "a|b|c"},
      {"O'Brien", "O|Brien"},
      {"O’Brien", "O|Brien"},
      {"Anne-Marie", "Anne-Marie|Anne|Marie"},
      {"a-b-c", "a-b-c|a|b|c"},
      {"94105-1234", "94105|-1234"},
      {"1-2-3", "?"},
      {"4B 1st", "4B|1st"},
      {"12-A", "?"},
      {"a-", "?"},
      {"-a", "?"},
      {"Main St. 5", "Main|St|5"},
      {"St., x", "St|x"},
      {"J.R.", "?"},
      {"1.5", "?"},
      {"a/b", "?"},
      {"a@b", "?"},
      {"a_b", "?"},
      {"Apt #4 (rear)", "Apt|4|rear"},
      {"José Ñu", "José|Ñu"},
      {"Jose\xCC\x81", "?"},  // A combining accent.
      {"\xE1\x8E\xA0", "?"},  // A Cherokee letter.
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(Joined(WordsOf(test.text)), test.want);
  }
}

TEST(DurableWordsTest, SearchesKeepLettersDigitsAndHyphens) {
  constexpr Case kCases[] = {
      {"", ""},
      {"%", ""},
      {"ann lee", "ann|lee"},
      {"o'brien", "o|brien"},
      {"a.b@c", "a|b|c"},
      {"anne-marie!", "anne-marie"},
      {"\xEF\xBF\xBDm", "m"},
      {"né", "né"},
      {"\xE1\x8E\xA0", "?"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(Joined(SearchedPieces(test.text)), test.want);
  }
}

}  // namespace
}  // namespace pdp::fhir::search

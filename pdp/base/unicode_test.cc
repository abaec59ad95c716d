#include "pdp/base/unicode.h"

#include <gtest/gtest.h>

#include <string_view>

namespace pdp {
namespace {

TEST(UnicodeTest, LowersAsJavaScriptDoes) {
  const struct {
    std::string_view text;
    std::string_view want;
  } cases[] = {
      {"", ""},
      {"Patient/1 ABC-xyz_09", "patient/1 abc-xyz_09"},
      {"ÀÉÎÕÜ ß ẞ", "àéîõü ß ß"},
      {"ЖУК", "жук"},
      {"Σ", "σ"},
      {"ΟΔΥΣΣΕΥΣ", "οδυσσευς"},
      {"ΑΣ.", "ας."},
      {"ΑΣ.Α", "ασ.α"},
      {"Α.Σ", "α.ς"},
      {".Σ", ".σ"},
      {"1Σ", "1σ"},
      {"A\xC2\xADΣ", "a\xC2\xADς"},
      {"ΑΣ:Α", "ασ:α"},
      {"İstanbul", "i̇stanbul"},
      {"I", "i"},
      {"ĀĂĄ", "āăą"},
      {"Ǆ ǅ", "ǆ ǆ"},
      {"K", "k"},  // Kelvin sign.
      {"Ａ", "ａ"},
      {"𐐀", "𐐨"},
      {"Ⴀ", "ⴀ"},
      {"Ꭰ", "ꭰ"},
      {"日本", "日本"},
      {"\xFFZ\xE2\x82", "\xFFz\xE2\x82"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(ToLower(test.text), test.want);
    EXPECT_TRUE(EqualsLowered(test.text, test.want));
    EXPECT_TRUE(ContainsLowered(test.text, test.want));
    EXPECT_FALSE(ContainsLowered(test.text, "?"));
  }
}

TEST(UnicodeTest, FindsPartsWhateverTheirCase) {
  EXPECT_TRUE(ContainsLowered("Khalid", "ali"));
  EXPECT_TRUE(ContainsLowered("KHALID", "lid"));
  EXPECT_TRUE(ContainsLowered("x", ""));
  EXPECT_TRUE(ContainsLowered("", ""));
  EXPECT_FALSE(ContainsLowered("", "a"));
  EXPECT_FALSE(ContainsLowered("ab", "abc"));
  EXPECT_TRUE(ContainsLowered("François MÜLLER", "müll"));
  EXPECT_FALSE(ContainsLowered("Francois", "ç"));
  EXPECT_FALSE(EqualsLowered("abc", "ab"));
  EXPECT_FALSE(EqualsLowered("abc", "abd"));
}

TEST(UnicodeTest, TrimsEveryWhitespaceCharacter) {
  EXPECT_EQ(TrimWhitespace(""), "");
  EXPECT_EQ(TrimWhitespace(" \t\r\n\v\f"), "");
  EXPECT_EQ(TrimWhitespace(" a b "), "a b");
  EXPECT_EQ(TrimWhitespace("\u00A0\u3000a\u200B\u2003\uFEFF"), "a\u200B");
}

TEST(UnicodeTest, ReplacesEachMaximalIllFormedPart) {
  const struct {
    std::string_view bytes;
    std::string_view want;
  } cases[] = {
      {"plain", "plain"},
      {"\xE2\x82\xAC", "€"},
      {"\xE2\x82", "\uFFFD"},
      {"\xE2\x82x", "\uFFFDx"},
      {"\xC0\x80", "\uFFFD\uFFFD"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xE2\x28\xA1", "\uFFFD(\uFFFD"},
      {"\xEF\xBB\xBFx", "\uFEFFx"},
      {"\xF0\x9F\x98\x80", "😀"},
      {"\xF0\x9F\x98", "\uFFFD"},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(ToValidUtf8(test.bytes), test.want);
  }
}

}  // namespace
}  // namespace pdp

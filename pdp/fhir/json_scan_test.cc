#include "pdp/fhir/json_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pdp/base/strings.h"

namespace pdp::fhir {
namespace {

TEST(JsonScanTest, WhatIsJsonHasNoFault) {
  for (const std::string_view text :
       {"{}", "[]", " [ ] ", "0", "-0.5e+10", "\"\"", "null", "true", "false",
        "{\"a\":{\"a\":[1,2,{\"b\":\"\\u00e4\\ud83d\\ude00\\n\"}]}}",
        "{\"\xc3\xa4\":1,\"a\":2}", "\"\xF0\x9F\x98\x80\xEF\xBF\xBD\"",
        "{\"ab\":1,\"a\":2,\"\":3}"}) {
    SCOPED_TRACE(text);
    const auto fault = FindJsonFault(text, 10);
    EXPECT_FALSE(fault.has_value()) << fault->reason;
  }
}

TEST(JsonScanTest, AFaultIsWhereTheTextGoesWrong) {
  struct Case {
    std::string_view text;
    size_t offset;
    std::string_view reason;
  };
  const Case cases[] = {
      {"", 0, "the file ends where a JSON value is expected"},
      {"{\"a\":1", 6, "the file ends where `,` or `}` is expected"},
      {"{\"a\":", 5, "the file ends where a JSON value is expected"},
      {"{\"a\" 1}", 5, "expected `:`"},
      {"{\"a\":1,}", 7, "expected a member name"},
      {"{a:1}", 1, "expected a member name"},
      {"[1,]", 3, "expected a JSON value"},
      {"[1 2]", 3, "expected `,` or `]`"},
      {"{} {}", 3, "text after the end of the JSON value"},
      {"nul", 0, "expected a JSON value"},
      {"NaN", 0, "expected a JSON value"},
      {"01", 1, "a malformed number"},
      {"[01]", 2, "a malformed number"},
      {"-", 1, "the file ends where a digit is expected"},
      {"1.", 2, "the file ends where a digit is expected"},
      {"[1.e5]", 3, "expected a digit"},
      {"0x10", 1, "a malformed number"},
      {"\"abc", 0, "a string without an end"},
      {"\"a\nb\"", 2, "a control character in a string"},
      {"\"\\x\"", 1, "a malformed escape"},
      {"\"\\u12g4\"", 1, "a malformed escape"},
      {"\"\\ud800\"", 1, "half of a surrogate pair"},
      {"\"\\ud800\\u0041\"", 1, "half of a surrogate pair"},
      {"\"\\udc00\"", 1, "half of a surrogate pair"},
      {"\"a\xff\"", 2, "not UTF-8"},
      {"\"\xed\xa0\x80\"", 1, "not UTF-8"},
      {"\"\xc3\"", 1, "not UTF-8"},
      {"{\"\xff\":1}", 2, "not UTF-8"},
      {"{\"a\":1,\"b\":{},\"a\":2}", 14, "the member \"a\" occurs twice"},
      {"{\"a\":1,\"\\u0061\":2}", 7, "the member \"\\u0061\" occurs twice"},
      {"[[[1]]]", 2, "nested deeper than 2"},
      {"\xEF\xBB\xBF{}", 0, "expected a JSON value"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.text);
    const auto fault =
        FindJsonFault(test.text, test.text.starts_with("[[[") ? 2 : 10);
    ASSERT_TRUE(fault.has_value());
    EXPECT_EQ(fault->reason, test.reason);
    EXPECT_EQ(fault->offset, test.offset);
  }
}

TEST(JsonScanTest, ANulEndsNothing) {
  EXPECT_TRUE(FindJsonFault(std::string("{}\0", 3), 10).has_value());
  EXPECT_TRUE(FindJsonFault(std::string("\0", 1), 10).has_value());
  EXPECT_TRUE(FindJsonFault(std::string("\"\\\0\"", 4), 10).has_value());
}

TEST(JsonScanTest, ARepeatedMemberIsFoundAmongMany) {
  for (const int count : {5, 16, 17, 40}) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) text += StrCat("\"m", i, "\":0,");
    EXPECT_FALSE(FindJsonFault(text + "\"x\":0}", 10).has_value());
    for (const int repeated : {0, count - 1}) {
      EXPECT_TRUE(FindJsonFault(StrCat(text, "\"m", repeated, "\":0}"), 10)
                      .has_value());
      EXPECT_TRUE(
          FindJsonFault(StrCat(text, "\"\\u006d", repeated, "\":0}"), 10)
              .has_value());
    }
  }
}

TEST(JsonScanTest, EveryTruncationOfAnObjectIsAFault) {
  const std::string_view text =
      "{\"a\":[1.5e3,\"x\\n\\ud83d\\ude00\xc3\xa4\",true,null,{}],\"b\":-0}";
  EXPECT_FALSE(FindJsonFault(text, 10).has_value());
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_TRUE(FindJsonFault(text.substr(0, size), 10).has_value()) << size;
  }
}

TEST(JsonScanTest, PositionsCountFromOne) {
  const std::string_view text = "a\nbc\n";
  EXPECT_EQ(PositionAt(text, 0).line, 1u);
  EXPECT_EQ(PositionAt(text, 0).column, 1u);
  EXPECT_EQ(PositionAt(text, 3).line, 2u);
  EXPECT_EQ(PositionAt(text, 3).column, 2u);
  EXPECT_EQ(PositionAt(text, 5).line, 3u);
  EXPECT_EQ(PositionAt(text, 5).column, 1u);
}

TEST(JsonScanTest, PartsKeepTheirTextAndPlace) {
  const std::string_view text =
      " { \"a\" : [ 1.10 , {\"x\":\"]}\\\"\"} ,[]] , \"\\u0062\\n\": \"\\ud83d"
      "\\ude00\\/\" } ";
  ASSERT_FALSE(FindJsonFault(text, 10).has_value());
  const JsonSpan root = RootOf(text);
  EXPECT_EQ(root.offset, 1u);
  EXPECT_EQ(root.text, text.substr(1, text.size() - 2));
  const auto members = MembersOf(root);
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].name, "a");
  EXPECT_EQ(members[1].name, "b\n");
  EXPECT_EQ(StringOf(members[1].value), "\xF0\x9F\x98\x80/");
  const auto items = ItemsOf(members[0].value);
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].text, "1.10");
  EXPECT_EQ(items[1].text, "{\"x\":\"]}\\\"\"}");
  EXPECT_EQ(items[2].text, "[]");
  for (const JsonSpan& item : items) {
    EXPECT_EQ(text.substr(item.offset, item.text.size()), item.text);
  }
  EXPECT_FALSE(MemberOf(root, "c").has_value());
  EXPECT_TRUE(MembersOf(items[2]).empty());
  EXPECT_TRUE(ItemsOf(items[1]).empty());
  EXPECT_FALSE(StringOf(items[0]).has_value());
}

}  // namespace
}  // namespace pdp::fhir

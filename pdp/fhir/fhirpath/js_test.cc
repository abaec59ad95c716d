#include "pdp/fhir/fhirpath/js.h"

#include <limits>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "pdp/fhir/fhirpath/datetime.h"
#include "pdp/fhir/fhirpath/upper.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

TEST(JsTest, NumbersAreWrittenAsInJavaScript) {
  struct Case {
    double number;
    std::string_view text;
  };
  constexpr Case kCases[] = {
      {0, "0"},
      {-0.0, "0"},
      {1, "1"},
      {-1.5, "-1.5"},
      {100, "100"},
      {0.1 + 0.2, "0.30000000000000004"},
      {123456789012345680000.0, "123456789012345680000"},
      {1e21, "1e+21"},
      {1.5e21, "1.5e+21"},
      {0.000001, "0.000001"},
      {0.0000001, "1e-7"},
      {1.25e-7, "1.25e-7"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::infinity(), "Infinity"},
      {-std::numeric_limits<double>::infinity(), "-Infinity"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(NumberToString(test.number), test.text);
  }
}

TEST(JsTest, TextsAreReadAsNumbers) {
  struct Case {
    std::string_view text;
    std::string_view number;
  };
  constexpr Case kCases[] = {
      {"", "0"},         {" 12\n", "12"},    {"1.5", "1.5"},
      {".5", "0.5"},     {"5.", "5"},        {"+1", "1"},
      {"-1e3", "-1000"}, {"1x", "NaN"},      {"e5", "NaN"},
      {"--1", "NaN"},    {"inf", "NaN"},     {"nan", "NaN"},
      {"1 2", "NaN"},    {"-", "NaN"},       {"Infinity", "Infinity"},
      {"0x1", "error"},  {"1e999", "error"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.text);
    const auto number = ToNumber(Value::String(test.text, FindType("string")));
    EXPECT_EQ(number.ok() ? NumberToString(*number) : "error", test.number);
  }
}

TEST(JsTest, CodeUnitsAreCounted) {
  EXPECT_EQ(Utf16Length("a\xC3\xA9\xF0\x9F\x98\x80"), 4);
  EXPECT_EQ(ByteOffset("\xC3\xA9z", 1), 2);
  EXPECT_EQ(ByteOffset("\xF0\x9F\x98\x80z", 2), 4);
  EXPECT_EQ(ByteOffset("\xF0\x9F\x98\x80z", 1), std::nullopt);
  EXPECT_EQ(ByteOffset("ab", 9), 2);
  EXPECT_LT(CompareUtf16("a", "b"), 0);
  EXPECT_LT(CompareUtf16("a", "ab"), 0);
  EXPECT_EQ(CompareUtf16("a", "a"), 0);
  // U+1F600 begins with a surrogate, which is less than U+FF5E.
  EXPECT_LT(CompareUtf16("\xF0\x9F\x98\x80", "\xEF\xBD\x9E"), 0);
  EXPECT_GT(CompareUtf16("\xF0\x9F\x98\x80", "\xED\x9F\xBF"), 0);
}

TEST(JsTest, UpperCaseIsTheFullMapping) {
  EXPECT_EQ(ToUpper("aZ1"), "AZ1");
  EXPECT_EQ(ToUpper("\xC3\xA9\xC3\xBF"), "\xC3\x89\xC5\xB8");
  EXPECT_EQ(ToUpper("stra\xC3\x9F"
                    "e"),
            "STRASSE");
  EXPECT_EQ(ToUpper("\xEF\xAC\x83"), "FFI");
  EXPECT_EQ(ToUpper("\xF0\x90\x90\xA8"), "\xF0\x90\x90\x80");
}

TEST(JsTest, DatesAreReadAsByDate) {
  struct Case {
    std::string_view text;
    std::string_view result;
  };
  constexpr Case kCases[] = {
      {"2020", "2020"},
      {"2020-02-03", "2020-02-03"},
      {"T10", "T10:00:00.000Z"},
      {"2020-02-03T10:00", "2020-02-03T10:00:00.000Z"},
      {"2020-02-03T10:00:00.1239Z", "2020-02-03T10:00:00.123Z"},
      {"2020-02-03T10:00:00.5-05:00", "2020-02-03T15:00:00.500Z"},
      {"2020-02-03T10:00:00+0530", "2020-02-03T04:30:00.000Z"},
      {"2020-02-31T00:00Z", "2020-03-02T00:00:00.000Z"},
      {"2020-02-03T24:00Z", "2020-02-04T00:00:00.000Z"},
      {"0000-01-01T00:00+01:00", "-000001-12-31T23:00:00.000Z"},
      {"9999-12-31T23:59-01:00", "+010000-01-01T00:59:00.000Z"},
      {"2020-02T10:00Z", "2020-02-01T10:00:00.000Z"},
      {"2020-02-03T10Z", "2020-02-03T10Z"},
      {"2020-02-03T25:00Z", "2020-02-03T25:00Z"},
      {"2020-02-32T10:00Z", "2020-02-32T10:00Z"},
      {"2020-02-03T10:00:60Z", "2020-02-03T10:00:60Z"},
      {"2020-02-03T10:00:00+24:00", "2020-02-03T10:00:00+24:00"},
      {"2020-02-03 10:00", "error"},
      {"2020-02-03-05", "error"},
      {"2020-02-03T10:00:00z", "error"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(NormalizeDateTime(test.text).value_or("error"), test.result);
  }
}

TEST(JsTest, DatesAndDateTimesAreTold) {
  struct Case {
    std::string_view text;
    bool is_date;
    bool is_date_time;
  };
  constexpr Case kCases[] = {
      {"2020", true, true},
      {"2020-02", true, true},
      {"2020-02-03", true, true},
      {"0000", false, false},
      {"2020-13", false, false},
      {"2020-02-03T10:00:00Z", false, true},
      {"2020-02-03T10:00:00.123+14:00", false, true},
      {"2020-02-03T10:00", false, false},
      {"2020-02-03T10Z", false, true},
      {"2020Z", false, false},
      {"2020-02-03T10:00:00+15:00", false, false},
      {"x2020", false, false},
      {"2020\n", false, false},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(IsDateText(test.text), test.is_date);
    EXPECT_EQ(IsDateTimeText(test.text), test.is_date_time);
  }
}

}  // namespace
}  // namespace pdp::fhir::fhirpath

#include "pdp/fhir/datetime.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pdp::fhir {
namespace {

std::string Describe(std::string_view text) {
  const absl::StatusOr<Period> period = ToPeriod(text);
  if (!period.ok()) return "error";
  return period->start.ToString() + " " + period->end.ToString();
}

TEST(DatetimeTest, CoversThePeriodOfItsPrecision) {
  const struct {
    std::string_view text;
    std::string_view want;
  } cases[] = {
      {"2024", "2024-01-01T00:00:00.000Z 2024-12-31T23:59:59.999Z"},
      {"2024-01", "2024-01-01T00:00:00.000Z 2024-01-31T23:59:59.999Z"},
      {"2024-02", "2024-02-01T00:00:00.000Z 2024-03-02T23:59:59.999Z"},
      {"2023-02", "2023-02-01T00:00:00.000Z 2023-03-03T23:59:59.999Z"},
      {"2024-04", "2024-04-01T00:00:00.000Z 2024-05-01T23:59:59.999Z"},
      {"2024-02-30", "2024-03-01T00:00:00.000Z 2024-03-01T23:59:59.999Z"},
      {"2023-02-29", "2023-03-01T00:00:00.000Z 2023-03-01T23:59:59.999Z"},
      {"2024-01-15T10", "2024-01-15T10:00:00.000Z 2024-01-15T10:59:59.999Z"},
      {"2024-01-15T10:20:30",
       "2024-01-15T10:20:30.000Z 2024-01-15T10:20:30.999Z"},
      {"2024-01-15T10:20:30.5Z",
       "2024-01-15T10:20:30.500Z 2024-01-15T10:20:30.599Z"},
      {"2024-01-15T10:20:30.51",
       "2024-01-15T10:20:30.510Z 2024-01-15T10:20:30.519Z"},
      {"2024-01-15T10:20:30.512Z",
       "2024-01-15T10:20:30.512Z 2024-01-15T10:20:30.512Z"},
      {"2024-01-15T10:20:30.512999999Z",
       "2024-01-15T10:20:30.512Z 2024-01-15T10:20:30.512Z"},
      {"2024-01-15T10:20:30+05:30",
       "2024-01-15T04:50:30.000Z 2024-01-15T04:50:30.999Z"},
      {"2024-01-15T10:20:30-11:00",
       "2024-01-15T21:20:30.000Z 2024-01-15T21:20:30.999Z"},
      {"2024-01-15Z", "2024-01-15T00:00:00.000Z 2024-01-15T23:59:59.999Z"},
      {"2024-01Z", "2024-01-01T00:00:00.000Z 2024-01-31T23:59:59.999Z"},
      {"2024-01-", "2024-01-01T00:00:00.000Z 2024-01-31T23:59:59.999Z"},
      {"2024-01-15+02:00", "2024-01-14T22:00:00.000Z 2024-01-15T21:59:59.999Z"},
      {"0001-01-01T00:00:00+14:00",
       "0000-12-31T10:00:00.000Z 0000-12-31T10:00:00.999Z"},
      {"9999-12-31T23:59:59-12:00",
       "+010000-01-01T11:59:59.000Z +010000-01-01T11:59:59.999Z"},
      {"1969-12-31T23:59:59.9Z",
       "1969-12-31T23:59:59.900Z 1969-12-31T23:59:59.999Z"},
      {"1900-02-29", "1900-03-01T00:00:00.000Z 1900-03-01T23:59:59.999Z"},
      {"2000-02-29", "2000-02-29T00:00:00.000Z 2000-02-29T23:59:59.999Z"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.text);
    EXPECT_TRUE(IsDateTime(test.text));
    EXPECT_EQ(Describe(test.text), test.want);
  }
}

TEST(DatetimeTest, RefusesWhatJavaScriptMakesNoDateOf) {
  for (const std::string_view text :
       {"2024-01-15T10:00:60Z", "2024-01+02:00", "2024-01-15T10:00:00+",
        "2024-01-15-", "2024-01+", "2024-01-15T10-", "2024-01-02:00"}) {
    SCOPED_TRACE(text);
    EXPECT_TRUE(IsDateTime(text));
    EXPECT_EQ(Describe(text), "error");
  }
}

TEST(DatetimeTest, TellsDatesFromOtherText) {
  for (const std::string_view text : {"",
                                      "202",
                                      "20244",
                                      "0000",
                                      "2024-",
                                      "2024Z",
                                      "2024-13",
                                      "2024-00",
                                      "2024-1",
                                      "2024-01-00",
                                      "2024-01-32",
                                      "2024-01-1",
                                      "2024-01-15T",
                                      "2024-01-15T24",
                                      "2024-01-15T10:00",
                                      "2024-01-15T10:00Z",
                                      "2024-01-15T10:00:61",
                                      "2024-01-15T10:60:00",
                                      "2024-01-15T10:00:00.",
                                      "2024-01-15T10:00:00.1234567890",
                                      "2024-01-15T10:00:00+15:00",
                                      "2024-01-15T10:00:00+14:01",
                                      "2024-01-15T10:00:00+1:00",
                                      "2024-01-Z",
                                      "2024-01-15t10:00:00",
                                      "2024-01-15T10:00:00z",
                                      " 2024",
                                      "2024 ",
                                      "2024,2025",
                                      "2024-01-15T10:00:00ZZ",
                                      "2024-01-15 10:00:00"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(IsDateTime(text));
    EXPECT_EQ(Describe(text), "error");
  }
}

TEST(DatetimeTest, SortsAsTheTextsDo) {
  const Instant first = ToPeriod("0001")->start;
  const Instant last = ToPeriod("9998")->end;
  const Instant in_9999 = ToPeriod("9999")->start;
  const Instant past_9999 = ToPeriod("9999-12-31T23:59:59-12:00")->start;
  EXPECT_LT(Instant::OpenStart(), first);
  EXPECT_LT(first, last);
  EXPECT_LT(last, Instant::OpenEnd());
  EXPECT_LT(Instant::OpenEnd(), in_9999);
  EXPECT_LT(past_9999, Instant::OpenStart());
  EXPECT_EQ(Instant::OpenStart().ToString(), "0000");
  EXPECT_EQ(Instant::OpenEnd().ToString(), "9999");
}

}  // namespace
}  // namespace pdp::fhir

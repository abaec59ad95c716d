#include "pdp/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pdp {
namespace {

using ::testing::HasSubstr;

TEST(LogTest, AnEventIsOneJsonObjectOnOneLine) {
  EXPECT_EQ(FormatLogLine(absl::UnixEpoch(), Severity::kWarning, "stale",
                          {{"project", "p1"},
                           {"count", 3},
                           {"bytes", size_t{7}},
                           {"ok", false},
                           {"seconds", 1.5}}),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"severity\":\"WARNING\","
            "\"event\":\"stale\",\"project\":\"p1\",\"count\":3,\"bytes\":7,"
            "\"ok\":false,\"seconds\":1.5}\n");
}

TEST(LogTest, AValueCannotEndItsLineOrItsString) {
  const std::string line = FormatLogLine(absl::UnixEpoch(), Severity::kInfo,
                                         "x", {{"v", "a\"b\\c\nd\r\x01"}});
  EXPECT_THAT(line, HasSubstr("\"v\":\"a\\\"b\\\\c\\nd\\u000d\\u0001\""));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(LogTest, WhatIsNotUtf8IsReplaced) {
  const std::string line =
      FormatLogLine(absl::UnixEpoch(), Severity::kInfo, "x",
                    {{"v", "\xff\xc3\xa4\xed\xa0\x80\xc3"}});
  EXPECT_THAT(line, HasSubstr("\"v\":\"\xEF\xBF\xBD\xc3\xa4\xEF\xBF\xBD"
                              "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""));
}

}  // namespace
}  // namespace pdp

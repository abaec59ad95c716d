#include "pdp/service/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace pdp::service {
namespace {

TEST(TraceContextTest, ATraceparentIsOfTheGrammarOfW3c) {
  const std::string good =
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const struct {
    const char* name;
    std::string text;
    std::string is;
  } kCases[] = {
      {"version 00", good, good},
      {"a later version", "cc" + good.substr(2), "cc" + good.substr(2)},
      {"a later version with more", "cc" + good.substr(2) + "-what-follows",
       "cc" + good.substr(2)},
      {"a later version that runs on", "cc" + good.substr(2) + "what", ""},
      {"version 00 with more", good + "-what", ""},
      {"version ff", "ff" + good.substr(2), ""},
      {"no trace", "00-" + std::string(32, '0') + good.substr(35), ""},
      {"no parent", good.substr(0, 36) + std::string(16, '0') + "-01", ""},
      {"capitals", "00-0AF7651916CD43DD8448EB211C80319C" + good.substr(35), ""},
      {"cut short", good.substr(0, good.size() - 1), ""},
      {"no digit", good.substr(0, good.size() - 1) + "g", ""},
      {"underscores", "00_" + good.substr(3), ""},
      {"a NUL", good.substr(0, good.size() - 1) + std::string(1, '\0'), ""},
      {"a line feed after it", good + "\n", ""},
      {"empty", "", ""},
      {"long", std::string(30'000, '0'), ""},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(AsTraceparent(test.text), test.is) << test.name;
  }
}

TEST(TraceContextTest, ARequestIdIsShortAndVisible) {
  const struct {
    const char* name;
    std::string text;
    bool is_one;
  } kCases[] = {
      {"a UUID", "018bcfe5-6800-7000-8000-000000000001", true},
      {"anything visible", "req/7:a=\"b\"", true},
      {"the longest", std::string(128, 'x'), true},
      {"longer", std::string(129, 'x'), false},
      {"a space", "a b", false},
      {"a line feed", "a\nb", false},
      {"a NUL", std::string("a\0b", 3), false},
      {"not ASCII", "r\xc3\xa9q", false},
      {"DEL", "a\x7f", false},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(AsRequestId(test.text), test.is_one ? test.text : "")
        << test.name;
  }
}

}  // namespace
}  // namespace pdp::service

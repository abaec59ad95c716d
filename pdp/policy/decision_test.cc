#include "pdp/policy/decision.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"

namespace pdp::policy {
namespace {

// The statuses by reason, in the table of the page.
std::multimap<std::string, std::string> StatusesOfThePage() {
  std::multimap<std::string, std::string> statuses;
  std::ifstream page("docs/why-denied.md");
  for (std::string line; std::getline(page, line);) {
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    if (cells.size() != 4 || !cells[0].starts_with("| `")) continue;
    const std::vector<std::string> names =
        absl::StrSplit(cells[0].substr(2), ", ");
    for (const std::string& name : names) {  // In backticks.
      statuses.emplace(name.substr(1, name.size() - 2), cells[1]);
    }
  }
  return statuses;
}

TEST(ReasonTest, ThePageHasEachOnceWithItsStatus) {
  auto statuses = StatusesOfThePage();
  for (int i = 0; i < 256; ++i) {
    const auto reason = static_cast<Reason>(i);
    const std::string name(ReasonName(reason));
    if (name == ReasonName(Reason::kUnspecified) ||
        reason == Reason::kPermitted) {
      continue;
    }
    SCOPED_TRACE(name);
    Decision decision;
    decision.reason = reason;
    ASSERT_EQ(statuses.count(name), 1u);
    if (reason != Reason::kAmbiguousSubject) {
      EXPECT_EQ(statuses.find(name)->second,
                std::to_string(EnforcementHttpStatus(decision)));
    }
    statuses.erase(name);
  }
  EXPECT_TRUE(statuses.empty()) << statuses.begin()->first << " is no reason";
}

}  // namespace
}  // namespace pdp::policy

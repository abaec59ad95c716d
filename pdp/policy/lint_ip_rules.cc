// IP rules: beginnings of addresses, compared as text, in order (semantics
// S-1).

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"
#include "pdp/policy/lint_report.h"

namespace pdp::policy {
namespace {

// Whether an address can begin with `value`.
bool CanMatch(std::string_view value) {
  if (value == "*") return true;
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == '.' ||
           c == ':' || c == '%';
  });
}

// Whether no address goes on where `value` ends: `10.1.2.7` is also the
// beginning of `10.1.2.70`.
bool EndsAnAddress(std::string_view value) {
  if (std::count(value.begin(), value.end(), '.') != 3) return false;
  const std::string_view octet = value.substr(value.rfind('.') + 1);
  return octet.size() == 3 || (octet.size() == 2 && octet > "25");
}

}  // namespace

void LintIpRules(const std::vector<IpAccessRule>& rules, LintReport& report) {
  for (size_t i = 0; i < rules.size(); ++i) {
    const std::string path = StrCat("ipAccessRule[", i, "]");
    const std::string& value = rules[i].value;
    const std::string what = StrCat("`", value, "`.");
    if (!CanMatch(value) ||
        (rules[i].action != "allow" && rules[i].action != "block")) {
      report.Add(LintRule::kIpRuleUnmatchable, path,
                 value.find('/') != std::string::npos
                     ? StrCat(what, " Networks with `/` are not understood.")
                     : what);
      continue;
    }
    const auto earlier = std::find_if(
        rules.begin(), rules.begin() + static_cast<ptrdiff_t>(i),
        [&](const IpAccessRule& rule) {
          return rule.value == "*" ||
                 (!rule.value.empty() && value.starts_with(rule.value));
        });
    if (earlier != rules.begin() + static_cast<ptrdiff_t>(i)) {
      report.Add(LintRule::kIpRuleUnreachable, path, what);
    } else if (value != "*" && !EndsAnAddress(value) && value.back() != '.' &&
               value.back() != ':') {
      report.Add(LintRule::kIpRuleBoundary, path, what);
    }
  }
}

}  // namespace pdp::policy

// What the parts of lint share: where findings go, and parameters in the text
// of a policy.

#ifndef PDP_POLICY_LINT_REPORT_H_
#define PDP_POLICY_LINT_REPORT_H_

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/lint.h"

namespace pdp::policy {

// Takes the findings of one policy or membership.
class LintReport {
 public:
  LintReport(std::string subject, std::vector<LintFinding>& findings)
      : subject_(std::move(subject)), findings_(findings) {}

  // `what` is said before what the rule means.
  void Add(LintRule rule, std::string_view path, std::string_view what) {
    findings_.push_back(
        {.rule = rule,
         .subject = subject_,
         .path = std::string(path),
         .message = StrCat(what, what.empty() ? "" : " ", InfoOf(rule).about)});
  }

 private:
  const std::string subject_;
  std::vector<LintFinding>& findings_;
};

// The names of the parameters that `text` mentions as `%name`; not the escapes
// of a URL (`%20`) and not FHIRPath's own variables (`%before`).
std::set<std::string, std::less<>> MentionedParameters(std::string_view text);

// `text` with a plain date, which can be a value of any search parameter, in
// place of each of its parameters.
std::string WithoutParameters(std::string_view text);
// Whether a value came out of WithoutParameters, and so is not known.
bool IsOfParameter(std::string_view value);

// lint_criteria.cc
void LintCriteria(const PolicyEntry& entry, std::string_view path,
                  LintReport& report);
// lint_entry.cc: an entry by itself.
void LintEntry(const PolicyEntry& entry, std::string_view path,
               LintReport& report);
// lint_order.cc: entries beside one another.
void LintOrder(const std::vector<PolicyEntry>& entries, LintReport& report);
// lint_ip_rules.cc
void LintIpRules(const std::vector<IpAccessRule>& rules, LintReport& report);

}  // namespace pdp::policy

#endif  // PDP_POLICY_LINT_REPORT_H_

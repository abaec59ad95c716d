// One AccessPolicy, and parameters in its text.

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/lint.h"
#include "pdp/policy/lint_report.h"

namespace pdp::policy {
namespace {

// No policy has this date.
constexpr std::string_view kAnyValue = "1801-02-03";

// Of FHIRPath, in write constraints.
constexpr std::string_view kVariables[] = {
    "after", "before", "context", "resource", "rootResource", "ucum"};

bool IsNameChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// The name that begins behind a percent sign; empty: it is something else.
std::string_view NameAt(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), IsNameChar);
  const std::string_view name =
      text.substr(0, static_cast<size_t>(end - text.begin()));
  if (name.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(name[0])))
    return {};
  // `%C3` is an escape of a URL.
  const bool is_escape =
      name.size() == 2 &&
      absl::ascii_isupper(static_cast<unsigned char>(name[0])) &&
      absl::ascii_isxdigit(static_cast<unsigned char>(name[0])) &&
      absl::ascii_isxdigit(static_cast<unsigned char>(name[1]));
  return is_escape ? std::string_view() : name;
}

// S-22.3: what is created gets the policy's compartment, and then matches it.
void LintCompartment(const AccessPolicy& policy, LintReport& report) {
  if (policy.compartment != "%patient" && policy.compartment != "%profile" &&
      !policy.compartment.starts_with("Patient/")) {
    return;
  }
  const std::string own = StrCat("_compartment=", policy.compartment);
  for (size_t i = 0; i < policy.entries.size(); ++i) {
    const PolicyEntry& entry = policy.entries[i];
    const bool creates =
        entry.has_interaction
            ? (entry.interactions & fhir::Bit(fhir::Interaction::kCreate)) != 0
            : !entry.readonly;
    if (creates && entry.criteria.find(own) != std::string::npos) {
      report.Add(LintRule::kCreateAboutAnyone,
                 StrCat("resource[", i, "].criteria"), StrCat("`", own, "`."));
    }
  }
}

}  // namespace

std::set<std::string, std::less<>> MentionedParameters(std::string_view text) {
  std::set<std::string, std::less<>> names;
  for (size_t at = text.find('%'); at != std::string_view::npos;
       at = text.find('%', at + 1)) {
    const std::string_view name = NameAt(text.substr(at + 1));
    if (name.empty() || std::find(std::begin(kVariables), std::end(kVariables),
                                  name) != std::end(kVariables)) {
      continue;
    }
    names.emplace(name);
  }
  return names;
}

std::string WithoutParameters(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t percent = std::min(text.find('%'), text.size());
    out += text.substr(0, percent);
    text.remove_prefix(percent);
    if (text.empty()) break;
    const std::string_view name = NameAt(text.substr(1));
    if (name.empty()) {
      out += '%';
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(1 + name.size());
    if (text.starts_with(".id")) text.remove_prefix(3);
    out += kAnyValue;
  }
  return out;
}

bool IsOfParameter(std::string_view value) {
  return value.find(kAnyValue) != std::string_view::npos;
}

std::vector<LintFinding> LintPolicy(const fhir::Resource& resource) {
  std::vector<LintFinding> findings;
  LintReport report(StrCat("AccessPolicy/", resource.id()), findings);
  const absl::StatusOr<AccessPolicy> policy =
      ParseAccessPolicy(resource.root());
  if (!policy.ok()) {
    report.Add(LintRule::kPolicyUnreadable, "",
               StrCat(policy.status().message(), "."));
    return findings;
  }
  if (policy->entries.empty()) report.Add(LintRule::kPolicyEmpty, "", "");
  for (size_t i = 0; i < policy->entries.size(); ++i) {
    LintEntry(policy->entries[i], StrCat("resource[", i, "]"), report);
  }
  LintOrder(policy->entries, report);
  LintCompartment(*policy, report);
  LintIpRules(policy->ip_access_rules, report);
  return findings;
}

}  // namespace pdp::policy

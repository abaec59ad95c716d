#include "clients/pdpctl/conformance_report.h"

#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {

void ConformanceReport::Add(const CaseResult& result) {
  Counts& counts = counts_[static_cast<size_t>(result.kind)];
  if (result.skipped) {
    ++counts.skipped;
    ++skips_[StrCat(CaseKindName(result.kind), ": ", result.why)];
  } else if (result.passed) {
    ++counts.passed;
  } else {
    ++counts.failed;
  }
  if (result.is_wrong_permit) ++counts.wrong_permits;
  if (result.is_leak) ++counts.leaks;
  if (!result.strict_rule.empty()) ++departures_[result.strict_rule];
  if (result.is_unexplained) ++unexplained_;

  if (style_ == ReportStyle::kJson) {
    PrintJson(result);
    return;
  }
  if (result.passed || result.skipped) return;
  if (style_ == ReportStyle::kLines) {
    PrintLine(result);
    return;
  }
  std::string group =
      StrCat("expected ", result.expected_text, ", got ", result.got_text);
  if (!result.reason.empty()) group += StrCat(" ", result.reason);
  if (result.is_wrong_permit) group += " WRONG PERMIT";
  if (result.is_unexplained) group += " UNEXPLAINED";
  ++groups_[{std::string(result.scenario), result.kind, group}];
}

void ConformanceReport::PrintLine(const CaseResult& result) {
  out_ << result.scenario << ' ' << CaseKindName(result.kind) << ' '
       << result.id << ": expected " << result.expected_text << ", got "
       << result.got_text << ": " << result.why;
  if (result.is_wrong_permit) out_ << " [WRONG PERMIT]";
  if (result.is_unexplained) out_ << " [UNEXPLAINED]";
  out_ << '\n';
}

void ConformanceReport::PrintJson(const CaseResult& result) {
  out_ << "{\"scenario\":" << fhir::QuoteJson(result.scenario)
       << ",\"kind\":" << fhir::QuoteJson(CaseKindName(result.kind))
       << ",\"id\":" << fhir::QuoteJson(result.id)
       << ",\"expected\":" << result.expected_json
       << ",\"got\":" << result.got_json
       << ",\"passed\":" << (result.passed ? "true" : "false");
  if (result.skipped) out_ << ",\"skipped\":true";
  if (!result.strict_rule.empty()) {
    out_ << ",\"strict_rule\":" << fhir::QuoteJson(result.strict_rule);
  }
  out_ << ",\"reason\":" << fhir::QuoteJson(result.why) << "}\n";
}

void ConformanceReport::Finish(std::ostream& totals) {
  for (const auto& [key, count] : groups_) {
    const auto& [scenario, kind, group] = key;
    out_ << scenario << ' ' << CaseKindName(kind) << ": " << count << " × "
         << group << '\n';
  }
  for (const auto& [why, count] : skips_) {
    totals << "skipped " << count << " × " << why << '\n';
  }
  for (const CaseKind kind : kCaseKinds) {
    const Counts& counts = counts_[static_cast<size_t>(kind)];
    const size_t all = counts.passed + counts.failed + counts.skipped;
    if (all == 0) continue;
    totals << CaseKindName(kind) << ": " << counts.passed << " of " << all
           << " passed, " << counts.failed << " failed, " << counts.skipped
           << " skipped, wrong permits: " << counts.wrong_permits
           << ", fields leaked: " << counts.leaks << '\n';
  }
  const Counts total = Total();
  if (explains_departures_) {
    for (const auto& [rule, count] : departures_) {
      totals << "departures by rule: " << rule << ' ' << count << '\n';
    }
    totals << "unexplained: " << unexplained_ << '\n';
  }
  totals << "wrong permits: " << total.wrong_permits << '\n'
         << total.passed << " passed, " << total.failed << " failed, "
         << total.skipped << " skipped" << std::endl;
}

size_t ConformanceReport::failed() const { return Total().failed; }

size_t ConformanceReport::wrong_permits() const {
  return Total().wrong_permits;
}

ConformanceReport::Counts ConformanceReport::Total() const {
  Counts total;
  for (const Counts& counts : counts_) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    total.wrong_permits += counts.wrong_permits;
    total.leaks += counts.leaks;
  }
  return total;
}

}  // namespace pdp::ctl

// How the results of a conformance run are printed.

#ifndef PDP_CLIENTS_PDPCTL_CONFORMANCE_REPORT_H_
#define PDP_CLIENTS_PDPCTL_CONFORMANCE_REPORT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <tuple>

#include "clients/pdpctl/conformance.h"

namespace pdp::ctl {

enum class ReportStyle : uint8_t {
  kLines,    // A line a mismatch, then the totals.
  kSummary,  // Mismatches grouped and counted, then the totals.
  kJson,     // An object a case, on a line of its own.
};

class ConformanceReport {
 public:
  // `explains_departures`: the totals list strict mode's departures by rule.
  ConformanceReport(ReportStyle style, bool explains_departures,
                    std::ostream& out)
      : style_(style), explains_departures_(explains_departures), out_(out) {}

  void Add(const CaseResult& result);

  // The totals.  The last line is `N passed, N failed, N skipped`.
  void Finish(std::ostream& totals);

  size_t failed() const;
  size_t wrong_permits() const;

 private:
  struct Counts {
    size_t passed = 0;
    size_t failed = 0;
    size_t skipped = 0;
    size_t wrong_permits = 0;
    size_t leaks = 0;
  };

  Counts Total() const;
  void PrintLine(const CaseResult& result);
  void PrintJson(const CaseResult& result);

  const ReportStyle style_;
  const bool explains_departures_;
  std::ostream& out_;
  std::array<Counts, std::size(kCaseKinds)> counts_{};
  // Scenario, kind, what happened.
  std::map<std::tuple<std::string, CaseKind, std::string>, size_t> groups_;
  std::map<std::string, size_t> skips_;
  std::map<std::string, size_t> departures_;  // By rule.
  size_t unexplained_ = 0;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_CONFORMANCE_REPORT_H_

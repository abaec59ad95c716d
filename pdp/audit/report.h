// Reports: what records add up to.

#ifndef PDP_AUDIT_REPORT_H_
#define PDP_AUDIT_REPORT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/audit/log_reader.h"

namespace pdp::audit {

struct ReportTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

// Adds records up, in the order of time.  What it keeps grows with what it
// tells of, not with the log.
class Report {
 public:
  virtual ~Report() = default;
  // What it is to tell of; and every access, which may be of a decision of
  // that, and names nothing else.
  virtual void Add(const FoundRecord& found) = 0;
  virtual ReportTable Finish() = 0;
};

// Null where there is no report of this name:
// `patient`       everyone who asked for a patient's resources, and what for
// `member`        what a member asked for, by patient or resource
// `denials`       what was denied, by reason, member and type
// `changes`       changes of policies, memberships and projects, and calls of
//                 administrators
// `terminations`  memberships that ended: from when on they were denied, and
//                 whether anything was permitted after
std::unique_ptr<Report> MakeReport(std::string_view name);

// The names that MakeReport takes.
std::vector<std::string> ReportNames();

}  // namespace pdp::audit

#endif  // PDP_AUDIT_REPORT_H_

// Reports as text, JSON or comma-separated values.

#ifndef PDP_CLIENTS_PDPCTL_PRINT_REPORT_H_
#define PDP_CLIENTS_PDPCTL_PRINT_REPORT_H_

#include <string>

#include "clients/pdpctl/command_line.h"
#include "pdp/audit/report.h"

namespace pdp::ctl {

// `csv` wins over `output`.
std::string PrintReport(const audit::ReportTable& table, bool csv,
                        OutputFormat output);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_PRINT_REPORT_H_

// `pdpctl audit report access`: who can reach what today.

#ifndef PDP_CLIENTS_PDPCTL_ACCESS_REPORT_H_
#define PDP_CLIENTS_PDPCTL_ACCESS_REPORT_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"
#include "medplum/pdp/v1/admin.pb.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/audit/report.h"

namespace pdp::ctl {

// The columns of the report, without rows.
audit::ReportTable AccessTable();

// Adds a row for each resource type that a member may do something with, or one
// where that is none.
void AddAccess(const medplum::pdp::v1::MembershipSummary& membership,
               const medplum::pdp::v1::DescribeAccessResponse& access,
               audit::ReportTable& table);

// All or nothing: where one member cannot be described, the report fails.
int RunAccessReport(const AccessReportCommand& command, OutputFormat output,
                    std::ostream& out, std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_ACCESS_REPORT_H_

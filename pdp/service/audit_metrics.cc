#include "pdp/service/audit_metrics.h"

#include <utility>

#include "pdp/service/metric_family.h"

namespace pdp::service {

using prometheus::MetricFamily;
using prometheus::MetricType;

void AddAudit(const Metrics& metrics, const audit::FileJournal* journal,
              std::vector<MetricFamily>& page) {
  const audit::JournalStatus status =
      journal == nullptr ? audit::JournalStatus() : journal->Status();
  AddOne(page, "pdp_audit_records_total", "Audit records written.",
         MetricType::Counter, static_cast<double>(metrics.audit_records()));
  AddOne(page, "pdp_audit_dropped_total",
         "Audit records that could not be written.  With audit-mode required "
         "their answers did not leave.",
         MetricType::Counter,
         static_cast<double>(metrics.audit_dropped() + status.dropped));
  MetricFamily errors =
      Family("pdp_audit_write_errors_total",
             "Writes to the audit log that failed.", MetricType::Counter);
  Add(errors, {{"reason", "no_room"}},
      static_cast<double>(metrics.audit_failures(AuditFailure::kNoRoom)));
  Add(errors, {{"reason", "fault"}},
      static_cast<double>(metrics.audit_failures(AuditFailure::kFault)));
  page.push_back(std::move(errors));
  MetricFamily seconds =
      Family("pdp_audit_write_seconds",
             "How long writing the audit records of answers took that left "
             "together.",
             MetricType::Histogram);
  seconds.metric.push_back(Histogram(metrics.audit_writes(), {}));
  page.push_back(std::move(seconds));
  if (journal == nullptr) return;
  AddOne(page, "pdp_audit_sync_errors_total",
         "Segments that could not be synced to the disk.", MetricType::Counter,
         static_cast<double>(status.failed_syncs));
  MetricFamily heads =
      Family("pdp_audit_head_seq",
             "The number of the last record of each chain of the audit log, at "
             "most a checkpoint old.",
             MetricType::Gauge);
  for (const audit::Head& head : status.heads) {
    Add(heads, {{"chain", head.chain}}, static_cast<double>(head.seq));
  }
  page.push_back(std::move(heads));
}

}  // namespace pdp::service

// The metrics of the audit log.

#ifndef PDP_SERVICE_AUDIT_METRICS_H_
#define PDP_SERVICE_AUDIT_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "pdp/audit/file_journal.h"
#include "pdp/service/metrics.h"

namespace pdp::service {

// `journal` is null where nothing is recorded.
void AddAudit(const Metrics& metrics, const audit::FileJournal* journal,
              std::vector<prometheus::MetricFamily>& page);

}  // namespace pdp::service

#endif  // PDP_SERVICE_AUDIT_METRICS_H_

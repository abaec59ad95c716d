// Metrics of the AuditEvents that the audit log becomes.

#ifndef PDP_SERVICE_EVENT_SINK_METRICS_H_
#define PDP_SERVICE_EVENT_SINK_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "absl/time/time.h"
#include "pdp/audit_sink/options.h"

namespace pdp::service {

// Labeled with the project of each login, or `all`.
void AddEventSinks(const std::vector<audit_sink::SinkStatus>& sinks,
                   absl::Time now, std::vector<prometheus::MetricFamily>& page);

}  // namespace pdp::service

#endif  // PDP_SERVICE_EVENT_SINK_METRICS_H_

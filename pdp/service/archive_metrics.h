// Metrics of the audit log's archive, and of the room that is left.

#ifndef PDP_SERVICE_ARCHIVE_METRICS_H_
#define PDP_SERVICE_ARCHIVE_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "pdp/audit/archiver.h"

namespace pdp::service {

void AddArchive(const audit::ArchiveStatus& status,
                std::vector<prometheus::MetricFamily>& page);

}  // namespace pdp::service

#endif  // PDP_SERVICE_ARCHIVE_METRICS_H_

// The metrics of the feeds that keep projects in step with their source.

#ifndef PDP_SERVICE_FEED_METRICS_H_
#define PDP_SERVICE_FEED_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "absl/time/time.h"
#include "pdp/service/admin_backend.h"

namespace pdp::service {

// Nothing for sources without feeds.  The label `project` is the id of one of
// the configured projects, or `all`.
void AddFeeds(const std::vector<SourceStatus>& sources, absl::Time now,
              std::vector<prometheus::MetricFamily>& page);

}  // namespace pdp::service

#endif  // PDP_SERVICE_FEED_METRICS_H_

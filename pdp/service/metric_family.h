// How the pages of metrics are put together.

#ifndef PDP_SERVICE_METRIC_FAMILY_H_
#define PDP_SERVICE_METRIC_FAMILY_H_

#include <prometheus/metric_family.h>

#include <limits>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace pdp::service {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

inline prometheus::MetricFamily Family(const char* name, const char* help,
                                       prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

inline void Add(prometheus::MetricFamily& family, MetricLabels labels,
                double value) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

// Seconds since `time`; infinite for never.
inline double SecondsSince(absl::Time time, absl::Time now) {
  return time == absl::InfinitePast() ? std::numeric_limits<double>::infinity()
                                      : absl::ToDoubleSeconds(now - time);
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_METRIC_FAMILY_H_

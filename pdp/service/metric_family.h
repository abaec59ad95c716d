// How the pages of metrics are put together.

#ifndef PDP_SERVICE_METRIC_FAMILY_H_
#define PDP_SERVICE_METRIC_FAMILY_H_

#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "pdp/base/cell.h"

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

inline void AddOne(std::vector<prometheus::MetricFamily>& page,
                   const char* name, const char* help,
                   prometheus::MetricType type, double value) {
  prometheus::MetricFamily family = Family(name, help, type);
  Add(family, {}, value);
  page.push_back(std::move(family));
}

inline prometheus::ClientMetric Histogram(
    const LatencyHistogram::Values& values, MetricLabels labels) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t count = 0;
  for (size_t i = 0; i < LatencyHistogram::kBuckets; ++i) {
    count += values.buckets[i];
    const double bound =
        i < LatencyHistogram::kBounds.size()
            ? static_cast<double>(LatencyHistogram::kBounds[i]) / 1e9
            : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = static_cast<double>(values.sum) / 1e9;
  return metric;
}

// Seconds since `time`; infinite for never.
inline double SecondsSince(absl::Time time, absl::Time now) {
  return time == absl::InfinitePast() ? std::numeric_limits<double>::infinity()
                                      : absl::ToDoubleSeconds(now - time);
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_METRIC_FAMILY_H_

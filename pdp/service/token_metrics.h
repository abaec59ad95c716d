// The metrics of access tokens as subjects.

#ifndef PDP_SERVICE_TOKEN_METRICS_H_
#define PDP_SERVICE_TOKEN_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "pdp/policy/access_tokens.h"

namespace pdp::service {

void AddTokens(const policy::TokenStatistics& statistics,
               std::vector<prometheus::MetricFamily>& page);

}  // namespace pdp::service

#endif  // PDP_SERVICE_TOKEN_METRICS_H_

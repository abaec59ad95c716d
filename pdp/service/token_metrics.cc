#include "pdp/service/token_metrics.h"

#include <utility>

#include "pdp/service/metric_family.h"

namespace pdp::service {

using prometheus::MetricFamily;
using prometheus::MetricType;

void AddTokens(const policy::TokenStatistics& statistics,
               std::vector<MetricFamily>& page) {
  MetricFamily lookups =
      Family("pdp_token_lookup_total",
             "Access tokens that were looked up at the Medplum server.",
             MetricType::Counter);
  Add(lookups, {{"result", "bound"}}, static_cast<double>(statistics.bound));
  Add(lookups, {{"result", "refused"}},
      static_cast<double>(statistics.refused));
  Add(lookups, {{"result", "unavailable"}},
      static_cast<double>(statistics.unavailable));
  page.push_back(std::move(lookups));

  MetricFamily fetches =
      Family("pdp_token_key_fetch_total",
             "Fetches of the server's signing keys.", MetricType::Counter);
  Add(fetches, {}, static_cast<double>(statistics.key_fetches));
  page.push_back(std::move(fetches));

  MetricFamily known =
      Family("pdp_token_known", "Access tokens of which something is known.",
             MetricType::Gauge);
  Add(known, {}, static_cast<double>(statistics.known));
  page.push_back(std::move(known));
}

}  // namespace pdp::service

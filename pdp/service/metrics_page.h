// The page of metrics that Prometheus reads.

#ifndef PDP_SERVICE_METRICS_PAGE_H_
#define PDP_SERVICE_METRICS_PAGE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pdp/audit/archiver.h"
#include "pdp/audit/best_effort_journal.h"
#include "pdp/audit/file_journal.h"
#include "pdp/audit_sink/options.h"
#include "pdp/auth/tls_files.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/admin_backend.h"
#include "pdp/service/data_state.h"
#include "pdp/service/metrics.h"
#include "pdp/service/shadow.h"

namespace pdp::service {

inline constexpr char kMetricsContentType[] =
    "text/plain; version=0.0.4; charset=utf-8";

struct MetricsSources {
  const Metrics& metrics;
  const policy::DecisionPoint& decision_point;
  const DataState& data;
  const AdminBackend& admin;
  const Shadow* shadow = nullptr;                // Null: there is none.
  const policy::AccessTokens* tokens = nullptr;  // Null: none are taken.
  const auth::TlsFiles* tls = nullptr;           // Null: there is none.
  // Null: nothing is recorded.
  const audit::FileJournal* journal = nullptr;
  const audit::Archiver* archiver = nullptr;
  // Null: nothing is posted.
  std::function<std::vector<audit_sink::SinkStatus>()> event_sinks;
  const audit::BestEffortJournal* audit_queue = nullptr;  // In best effort.
};

// Every metric of the server in Prometheus' text format.  Labels hold names of
// closed enums and of the configured sources, never what a request says.
std::string RenderMetrics(const MetricsSources& sources, absl::Time now);

}  // namespace pdp::service

#endif  // PDP_SERVICE_METRICS_PAGE_H_

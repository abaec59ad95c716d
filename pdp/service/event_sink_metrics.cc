#include "pdp/service/event_sink_metrics.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "pdp/service/metric_family.h"

namespace pdp::service {

using audit_sink::SinkStatus;
using prometheus::MetricFamily;
using prometheus::MetricType;

void AddEventSinks(const std::vector<SinkStatus>& sinks, absl::Time now,
                   std::vector<MetricFamily>& page) {
  const auto label = [](const SinkStatus& sink) {
    return sink.project.empty() ? std::string("all") : sink.project;
  };
  MetricFamily events = Family(
      "pdp_audit_events_total",
      "AuditEvents by what became of them: created; existing, from an earlier "
      "attempt; rejected by the Medplum server, for ever.",
      MetricType::Counter);
  for (const SinkStatus& sink : sinks) {
    const std::pair<const char*, uint64_t> results[] = {
        {"created", sink.created},
        {"existing", sink.existing},
        {"rejected", sink.rejected}};
    for (const auto& [result, count] : results) {
      Add(events, {{"project", label(sink)}, {"result", result}},
          static_cast<double>(count));
    }
  }
  page.push_back(std::move(events));

  const auto add = [&](const char* name, const char* help, MetricType type,
                       auto value) {
    MetricFamily family = Family(name, help, type);
    for (const SinkStatus& sink : sinks) {
      Add(family, {{"project", label(sink)}}, static_cast<double>(value(sink)));
    }
    page.push_back(std::move(family));
  };
  add("pdp_audit_events_failures_total",
      "Rounds of posting AuditEvents that failed, to be tried again.",
      MetricType::Counter, [](const SinkStatus& s) { return s.failures; });
  add("pdp_audit_events_refused",
      "1 while the Medplum server refuses the login to create AuditEvents.",
      MetricType::Gauge, [](const SinkStatus& s) { return s.is_refused; });
  add("pdp_audit_events_lag_seconds",
      "How old what was not posted may be, folded reads of open windows aside.",
      MetricType::Gauge, [&](const SinkStatus& s) {
        return std::max(0.0, absl::ToDoubleSeconds(now - s.posted_until));
      });
  add("pdp_audit_events_waiting", "AuditEvents that are about to be posted.",
      MetricType::Gauge, [](const SinkStatus& s) { return s.waiting_events; });
  add("pdp_audit_events_open_folds", "Folded reads whose window has not ended.",
      MetricType::Gauge, [](const SinkStatus& s) { return s.open_folds; });
  add("pdp_audit_events_unread_bytes",
      "What of the audit log was not looked at for AuditEvents.",
      MetricType::Gauge, [](const SinkStatus& s) { return s.unread_bytes; });
  add("pdp_audit_events_lost_segments_total",
      "Segments of the audit log that were removed before they were read.",
      MetricType::Counter, [](const SinkStatus& s) { return s.lost_segments; });
}

}  // namespace pdp::service

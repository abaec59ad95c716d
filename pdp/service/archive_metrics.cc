#include "pdp/service/archive_metrics.h"

#include <limits>
#include <string_view>
#include <utility>

#include "pdp/service/metric_family.h"

namespace pdp::service {

using prometheus::MetricFamily;
using prometheus::MetricType;

void AddArchive(const audit::ArchiveStatus& status,
                std::vector<MetricFamily>& page) {
  const auto add = [&](const char* name, const char* help, MetricType type,
                       uint64_t value) {
    AddOne(page, name, help, type, static_cast<double>(value));
  };
  constexpr double kSecondsADay = 86'400;
  AddOne(
      page, "pdp_audit_until_full_seconds",
      "When the volume of the audit log is full at the rate of the last "
      "day.  Infinite where the log does not grow.",
      MetricType::Gauge,
      status.days_until_full.value_or(std::numeric_limits<double>::infinity()) *
          kSecondsADay);
  add("pdp_audit_local_bytes",
      "Size of the segments in the server's directory.", MetricType::Gauge,
      status.local_bytes);
  add("pdp_audit_free_bytes", "What is free on their volume.",
      MetricType::Gauge, status.free_bytes);
  if (!status.has_archive) return;
  add("pdp_audit_archived_total", "Segments archived.", MetricType::Counter,
      status.archived);
  add("pdp_audit_archive_failures_total",
      "Segments that could not be archived, compared or removed.",
      MetricType::Counter, status.failures);
  add("pdp_audit_archive_waiting", "Closed segments that are not archived.",
      MetricType::Gauge, status.waiting);
  MetricFamily removed =
      Family("pdp_audit_removed_total",
             "Segments removed, by where: local, once they are in the archive; "
             "archive, after their retention.",
             MetricType::Counter);
  Add(removed, {{"where", "local"}}, static_cast<double>(status.removed_local));
  Add(removed, {{"where", "archive"}},
      static_cast<double>(status.removed_archive));
  page.push_back(std::move(removed));
}

}  // namespace pdp::service

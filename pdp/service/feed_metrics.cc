#include "pdp/service/feed_metrics.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "pdp/service/metric_family.h"

namespace pdp::service {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr FeedState kStates[] = {
    FeedState::kLoading, FeedState::kCurrent, FeedState::kCredentialsRefused,
    FeedState::kProjectGone, FeedState::kAccessMissing};

using ValueOf = double (*)(const FeedStatus& feed, absl::Time now);

struct FeedMetric {
  const char* name;
  const char* help;
  MetricType type;
  ValueOf value;
};

const FeedMetric kMetrics[] = {
    {"pdp_feed_age_seconds",
     "How long ago all that had changed in the project was known: the bound on "
     "what this server may have missed.",
     MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time) {
       return absl::ToDoubleSeconds(feed.bound);
     }},
    {"pdp_feed_notifications_connected",
     "1 while the source tells of every change.", MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time) {
       return feed.notifications == NotificationState::kConnected ? 1.0 : 0.0;
     }},
    {"pdp_feed_last_notification_age_seconds",
     "Since the source last told of a change.", MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time now) {
       return SecondsSince(feed.last_notification, now);
     }},
    {"pdp_feed_last_sweep_age_seconds",
     "Since all that had changed was last searched for.", MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time now) {
       return SecondsSince(feed.last_sweep, now);
     }},
    {"pdp_feed_last_full_sweep_age_seconds",
     "Since everything was last compared.", MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time now) {
       return SecondsSince(feed.last_full_sweep, now);
     }},
    {"pdp_feed_sweep_interval_seconds",
     "How often changes are searched for now: more than configured where the "
     "limit of searches stretches it.",
     MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time) {
       return absl::ToDoubleSeconds(feed.sweep_interval);
     }},
    {"pdp_feed_resources", "Live resources held.", MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time) {
       return static_cast<double>(feed.resources);
     }},
    {"pdp_feed_loaded", "Resources that the first load has read so far.",
     MetricType::Gauge,
     [](const FeedStatus& feed, absl::Time) {
       return static_cast<double>(feed.loaded);
     }},
    {"pdp_feed_notifications_total", "Changes that the source told of.",
     MetricType::Counter,
     [](const FeedStatus& feed, absl::Time) {
       return static_cast<double>(feed.notifications_received);
     }},
    {"pdp_feed_changes_total", "Changes that were put into the store.",
     MetricType::Counter,
     [](const FeedStatus& feed, absl::Time) {
       return static_cast<double>(feed.changes_applied);
     }},
    {"pdp_feed_failures_total", "Attempts to read the project that failed.",
     MetricType::Counter,
     [](const FeedStatus& feed, absl::Time) {
       return static_cast<double>(feed.failures);
     }},
};

void AddSweeps(const FeedStatus& feed, const std::string& project,
               MetricFamily& sweeps) {
  const struct {
    const char* kind;
    const char* result;
    uint64_t count;
  } kCounts[] = {{"changes", "ok", feed.sweeps},
                 {"changes", "failed", feed.failed_sweeps},
                 {"full", "ok", feed.full_sweeps},
                 {"full", "failed", feed.failed_full_sweeps}};
  for (const auto& [kind, result, count] : kCounts) {
    Add(sweeps, {{"project", project}, {"kind", kind}, {"result", result}},
        static_cast<double>(count));
  }
}

std::string ProjectLabel(const FeedStatus& feed) {
  return feed.project.empty() ? std::string("all") : feed.project;
}

}  // namespace

void AddFeeds(const std::vector<SourceStatus>& sources, absl::Time now,
              std::vector<MetricFamily>& page) {
  MetricFamily states =
      Family("pdp_feed_state", "1 for the state that the feed is in.",
             MetricType::Gauge);
  MetricFamily checked =
      Family("pdp_medplum_server_version_checked",
             "1 where the rules were checked against the version of the "
             "Medplum server.",
             MetricType::Gauge);
  MetricFamily sweeps =
      Family("pdp_feed_sweeps_total",
             "Searches for what has changed (the first loads everything), and "
             "comparisons of everything, by how they ended.",
             MetricType::Counter);
  std::vector<MetricFamily> values;
  for (const FeedMetric& metric : kMetrics) {
    values.push_back(Family(metric.name, metric.help, metric.type));
  }
  for (const SourceStatus& source : sources) {
    if (source.feeds.empty()) continue;
    Add(checked, {}, source.server_version_checked ? 1 : 0);
    for (const FeedStatus& feed : source.feeds) {
      const std::string project = ProjectLabel(feed);
      for (const FeedState state : kStates) {
        Add(states,
            {{"project", project},
             {"state", std::string(FeedStateName(state))}},
            feed.state == state ? 1 : 0);
      }
      AddSweeps(feed, project, sweeps);
      for (size_t i = 0; i < values.size(); ++i) {
        Add(values[i], {{"project", project}}, kMetrics[i].value(feed, now));
      }
    }
  }
  if (states.metric.empty()) return;
  page.push_back(std::move(states));
  page.push_back(std::move(checked));
  page.push_back(std::move(sweeps));
  for (MetricFamily& family : values) page.push_back(std::move(family));
}

}  // namespace pdp::service

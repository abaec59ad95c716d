#include "pdp/service/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "pdp/fhir/interaction.h"
#include "pdp/service/archive_metrics.h"
#include "pdp/service/audit_metrics.h"
#include "pdp/service/event_sink_metrics.h"
#include "pdp/service/feed_metrics.h"
#include "pdp/service/metric_family.h"
#include "pdp/service/token_metrics.h"
#include "pdp/service/version.h"

namespace pdp::service {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array<std::string_view, Metrics::kEffects> kEffectNames = {
    "unspecified", "deny", "permit", "permit_with_obligations"};
constexpr std::array<std::string_view, Metrics::kFilterKinds> kKindNames = {
    "unspecified", "always_denied", "always_permitted", "conditional"};

std::string InteractionLabel(fhir::Interaction interaction) {
  if (interaction == fhir::Interaction::kUnspecified) return "unspecified";
  return std::string(fhir::InteractionName(interaction));
}

std::string ReasonLabel(policy::Reason reason) {
  return absl::AsciiStrToLower(std::string(policy::ReasonName(reason)));
}

void AddDecisionsOf(Method method, const Metrics& metrics,
                    MetricFamily& family) {
  for (size_t e = 0; e < Metrics::kEffects; ++e) {
    for (size_t i = 0; i < Metrics::kInteractions; ++i) {
      for (size_t r = 0; r < Metrics::kReasons; ++r) {
        const auto interaction = static_cast<fhir::Interaction>(i);
        const auto reason = static_cast<policy::Reason>(r);
        const uint64_t count = metrics.decisions(
            method, static_cast<policy::Effect>(e), interaction, reason);
        if (count == 0) continue;
        Add(family,
            {{"effect", std::string(kEffectNames[e])},
             {"interaction", InteractionLabel(interaction)},
             {"reason", ReasonLabel(reason)},
             {"method", std::string(MethodName(method))}},
            static_cast<double>(count));
      }
    }
  }
}

MetricFamily Decisions(const Metrics& metrics) {
  MetricFamily family =
      Family("pdp_decision_total", "Decisions made.", MetricType::Counter);
  for (const Method method : Metrics::kDecidingMethods) {
    AddDecisionsOf(method, metrics, family);
  }
  return family;
}

MetricFamily Filters(const Metrics& metrics) {
  MetricFamily family =
      Family("pdp_filter_total", "Filter answers.", MetricType::Counter);
  for (size_t k = 0; k < Metrics::kFilterKinds; ++k) {
    for (size_t r = 0; r < Metrics::kReasons; ++r) {
      const auto reason = static_cast<policy::Reason>(r);
      const uint64_t count =
          metrics.filters(static_cast<policy::FilterKind>(k), reason);
      if (count == 0) continue;
      Add(family,
          {{"kind", std::string(kKindNames[k])},
           {"reason", ReasonLabel(reason)}},
          static_cast<double>(count));
    }
  }
  return family;
}

MetricFamily Refusals(const Metrics& metrics) {
  MetricFamily family =
      Family("pdp_decision_refused_total",
             "Questions that were not decided for the state of their data.",
             MetricType::Counter);
  for (size_t r = 1; r < kRefusals; ++r) {
    const auto refusal = static_cast<Refusal>(r);
    Add(family,
        {{"reason", absl::AsciiStrToLower(std::string(RefusalName(refusal)))}},
        static_cast<double>(metrics.refusals(refusal)));
  }
  return family;
}

MetricFamily Latencies(const Metrics& metrics) {
  MetricFamily family =
      Family("pdp_decision_seconds",
             "From a whole request to its answer, what it waited for included.",
             MetricType::Histogram);
  for (const Method method : {Method::kCheck, Method::kBatchCheck,
                              Method::kCheckStream, Method::kFilter}) {
    family.metric.push_back(
        Histogram(metrics.latency(method),
                  {{"method", std::string(MethodName(method))}}));
  }
  return family;
}

void AddCalls(const Metrics& metrics, std::vector<MetricFamily>& page) {
  MetricFamily calls =
      Family("pdp_grpc_call_total", "Calls that ended.", MetricType::Counter);
  MetricFamily in_flight =
      Family("pdp_grpc_calls_in_flight", "Calls that have not ended.",
             MetricType::Gauge);
  MetricFamily rejected = Family(
      "pdp_grpc_rejected_total",
      "Calls turned away before they were looked at.", MetricType::Counter);
  for (size_t m = 0; m < kMethods; ++m) {
    const auto method = static_cast<Method>(m);
    const std::string name(MethodName(method));
    for (size_t c = 0; c < Metrics::kCodes; ++c) {
      const auto code = static_cast<absl::StatusCode>(c);
      const uint64_t count = metrics.calls(method, code);
      if (count == 0) continue;
      Add(calls, {{"method", name}, {"code", absl::StatusCodeToString(code)}},
          static_cast<double>(count));
    }
    Add(in_flight, {{"method", name}},
        static_cast<double>(metrics.in_flight(method)));
  }
  for (size_t r = 0; r < kRejections; ++r) {
    const auto rejection = static_cast<Rejection>(r);
    Add(rejected, {{"reason", std::string(RejectionName(rejection))}},
        static_cast<double>(metrics.rejections(rejection)));
  }
  AddOne(page, "pdp_grpc_connections",
         "Connections that are open, at most a second ago.", MetricType::Gauge,
         static_cast<double>(metrics.connections()));
  page.push_back(std::move(calls));
  page.push_back(std::move(in_flight));
  page.push_back(std::move(rejected));
}

void AddPolicies(const policy::DecisionPoint& decision_point,
                 std::vector<MetricFamily>& page) {
  const policy::DecisionPointStatistics statistics =
      decision_point.statistics();
  AddOne(page, "pdp_policy_bound_hits_total",
         "Bound policies found in the cache.", MetricType::Counter,
         static_cast<double>(statistics.bound_policy_hits));
  AddOne(page, "pdp_policy_bound_misses_total",
         "Bound policies that had to be built.", MetricType::Counter,
         static_cast<double>(statistics.bound_policy_misses));
  AddOne(page, "pdp_policy_bound", "Bound policies held in the cache.",
         MetricType::Gauge, static_cast<double>(statistics.bound_policies));
  AddOne(page, "pdp_policy_compiled", "Compiled AccessPolicies held.",
         MetricType::Gauge, static_cast<double>(statistics.compiled_policies));
  MetricFamily compiles =
      Family("pdp_policy_compiles_total",
             "AccessPolicies that were compiled, and attempts to compile what "
             "nothing can be decided by.",
             MetricType::Counter);
  Add(compiles, {{"result", "compiled"}},
      static_cast<double>(statistics.compiles));
  Add(compiles, {{"result", "refused"}},
      static_cast<double>(statistics.refused_compiles));
  page.push_back(std::move(compiles));
  AddOne(page, "pdp_blocks", "Blocks in force (PdpAdmin.Block).",
         MetricType::Gauge, static_cast<double>(statistics.blocks));
}

void AddShadow(const Shadow& shadow, std::vector<MetricFamily>& page) {
  static constexpr std::array<const char*, Shadow::kResults> kResultNames = {
      "same", "different", "undecided"};
  MetricFamily decisions =
      Family("pdp_shadow_decisions_total",
             "Decisions that were compared with the other mode's.",
             MetricType::Counter);
  for (size_t r = 0; r < Shadow::kResults; ++r) {
    Add(decisions, {{"result", kResultNames[r]}},
        static_cast<double>(shadow.decisions(static_cast<Shadow::Result>(r))));
  }
  MetricFamily differences =
      Family("pdp_shadow_differences_total",
             "Decisions that the other mode would have made otherwise, by "
             "strict rule.",
             MetricType::Counter);
  for (size_t r = 0; r < policy::kStrictRules; ++r) {
    const auto rule = static_cast<policy::StrictRule>(r);
    for (size_t e = 0; e < Shadow::kEffects * Shadow::kEffects; ++e) {
      const size_t effect = e / Shadow::kEffects;
      const size_t shadow_effect = e % Shadow::kEffects;
      const uint64_t count =
          shadow.differences(rule, static_cast<policy::Effect>(effect),
                             static_cast<policy::Effect>(shadow_effect));
      if (count == 0) continue;
      Add(differences,
          {{"rule",
            absl::AsciiStrToLower(std::string(policy::StrictRuleName(rule)))},
           {"effect", std::string(kEffectNames[effect])},
           {"shadow_effect", std::string(kEffectNames[shadow_effect])}},
          static_cast<double>(count));
    }
  }
  page.push_back(std::move(decisions));
  page.push_back(std::move(differences));
}

void AddSources(const std::vector<SourceStatus>& sources, absl::Time now,
                std::vector<MetricFamily>& page) {
  MetricFamily ready =
      Family("pdp_sync_source_ready", "1 once the source's first load is done.",
             MetricType::Gauge);
  MetricFamily age =
      Family("pdp_sync_age_seconds", "How far the data is behind its source.",
             MetricType::Gauge);
  MetricFamily errors =
      Family("pdp_sync_errors_total",
             "Attempts to read the source that failed.", MetricType::Counter);
  MetricFamily resources =
      Family("pdp_sync_resources", "Resources that the source has now.",
             MetricType::Gauge);
  for (const SourceStatus& source : sources) {
    const MetricLabels labels = {{"source", source.name}};
    Add(ready, labels, source.ready ? 1 : 0);
    Add(age, labels, SecondsSince(source.fresh_as_of, now));
    Add(errors, labels, static_cast<double>(source.errors));
    Add(resources, labels, static_cast<double>(source.resources));
  }
  page.push_back(std::move(ready));
  page.push_back(std::move(age));
  page.push_back(std::move(errors));
  page.push_back(std::move(resources));
}

void AddStore(const AdminBackend& admin, std::vector<MetricFamily>& page) {
  const StoreStatus store = admin.Store();
  AddOne(page, "pdp_store_bytes", "Bytes of the store on disk.",
         MetricType::Gauge, static_cast<double>(store.bytes_on_disk));
  AddOne(page, "pdp_store_memberships", "ProjectMemberships in the store.",
         MetricType::Gauge, static_cast<double>(store.memberships));
  AddOne(page, "pdp_store_policies", "AccessPolicies in the store.",
         MetricType::Gauge, static_cast<double>(store.policies));
  AddOne(page, "pdp_store_history_versions",
         "Versions kept of policies and the like that are no longer in force.",
         MetricType::Gauge, static_cast<double>(store.history_versions));
  AddOne(page, "pdp_store_history_bytes",
         "Bytes on disk of what is kept of the past.", MetricType::Gauge,
         static_cast<double>(store.history_bytes));
  AddOne(page, "pdp_store_memberships_without_policy",
         "Active ProjectMemberships that name no AccessPolicy and need one.",
         MetricType::Gauge,
         static_cast<double>(store.memberships_without_policy));
  AddOne(page, "pdp_store_refused_policies",
         "AccessPolicies that nothing can be decided by.", MetricType::Gauge,
         static_cast<double>(store.refused_policies));
}

void AddAttributes(const AttributeStatus& status,
                   std::vector<MetricFamily>& page) {
  const struct {
    const char* name;
    const char* help;
    MetricType type;
    uint64_t value;
  } kMetrics[] = {
      {"pdp_attribute_hits_total",
       "Resources named by reference that were known.", MetricType::Counter,
       status.hits},
      {"pdp_attribute_misses_total",
       "Resources named by reference that had to be fetched.",
       MetricType::Counter, status.misses},
      {"pdp_attribute_reads_total",
       "Reads of resources that were named by reference.", MetricType::Counter,
       status.reads},
      {"pdp_attribute_failed_reads_total", "Those of them that failed.",
       MetricType::Counter, status.failed_reads},
      {"pdp_attribute_evictions_total",
       "Resources that were forgotten for want of room.", MetricType::Counter,
       status.evictions},
      {"pdp_attribute_entries", "Resources of which something is kept.",
       MetricType::Gauge, status.entries},
      {"pdp_attribute_bytes", "Memory that they take.", MetricType::Gauge,
       status.bytes},
  };
  for (const auto& metric : kMetrics) {
    AddOne(page, metric.name, metric.help, metric.type,
           static_cast<double>(metric.value));
  }
}

}  // namespace

namespace {

void AddTls(const auth::TlsFiles& tls, std::vector<MetricFamily>& page) {
  AddOne(page, "pdp_tls_certificate_expiry_timestamp_seconds",
         "When the certificate of the server that is in use expires.",
         MetricType::Gauge,
         static_cast<double>(absl::ToUnixSeconds(tls.Current()->expires)));
  AddOne(page, "pdp_tls_reload_failures_total",
         "Looks at the files of TLS that found some that cannot be used; what "
         "was used before stays in use.",
         MetricType::Counter, static_cast<double>(tls.failed_reloads()));
}

}  // namespace

std::string RenderMetrics(const MetricsSources& sources, absl::Time now) {
  std::vector<MetricFamily> page;
  MetricFamily build = Family("pdp_build_info", "Always 1.", MetricType::Gauge);
  const policy::DecisionPointOptions& options =
      sources.decision_point.options();
  Add(build,
      {{"version", kVersion},
       {"medplum_version", kMedplumVersion},
       {"mode", options.mode == policy::Mode::kStrict ? "strict" : "parity"}},
      1);
  page.push_back(std::move(build));
  AddOne(page, "pdp_ready", "1 once the first load is complete.",
         MetricType::Gauge, sources.data.IsReady() ? 1 : 0);
  AddOne(page, "pdp_snapshot_revision",
         "The revision that decisions are made from.", MetricType::Gauge,
         static_cast<double>(sources.decision_point.revision()));
  page.push_back(Decisions(sources.metrics));
  page.push_back(Filters(sources.metrics));
  page.push_back(Refusals(sources.metrics));
  page.push_back(Latencies(sources.metrics));
  AddCalls(sources.metrics, page);
  AddAudit(sources.metrics, sources.journal, page);
  if (sources.audit_queue != nullptr) {
    AddOne(page, "pdp_audit_queue_bytes",
           "Audit records that wait to be written, in best effort.",
           MetricType::Gauge,
           static_cast<double>(sources.audit_queue->queued_bytes()));
  }
  if (sources.archiver != nullptr) AddArchive(sources.archiver->Status(), page);
  if (sources.event_sinks != nullptr) {
    AddEventSinks(sources.event_sinks(), now, page);
  }
  if (sources.tls != nullptr) AddTls(*sources.tls, page);
  if (sources.shadow != nullptr) AddShadow(*sources.shadow, page);
  AddPolicies(sources.decision_point, page);
  const std::vector<SourceStatus> statuses = sources.admin.Sources();
  AddSources(statuses, now, page);
  AddFeeds(statuses, now, page);
  AddStore(sources.admin, page);
  if (const auto attributes = sources.admin.Attributes()) {
    AddAttributes(*attributes, page);
  }
  if (sources.tokens != nullptr) AddTokens(sources.tokens->statistics(), page);
  return prometheus::TextSerializer().Serialize(page);
}

}  // namespace pdp::service

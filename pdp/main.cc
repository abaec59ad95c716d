// pdpd, the policy decision point: everything is built here, in the order in
// which it depends on each other, and taken down in reverse.

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "google/protobuf/stubs/logging.h"
#include "pdp/audit/archiver.h"
#include "pdp/audit/best_effort_journal.h"
#include "pdp/audit/file_journal.h"
#include "pdp/backend.h"
#include "pdp/base/clock.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/base/log.h"
#include "pdp/base/strings.h"
#include "pdp/change_recorder.h"
#include "pdp/configured_source.h"
#include "pdp/event_sinks.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/first_state.h"
#include "pdp/kept_history.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/admin_service.h"
#include "pdp/service/command_line.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/forward_auth.h"
#include "pdp/service/gateway.h"
#include "pdp/service/http_server.h"
#include "pdp/service/ledger.h"
#include "pdp/service/metrics.h"
#include "pdp/service/metrics_page.h"
#include "pdp/service/revision_watchers.h"
#include "pdp/service/server.h"
#include "pdp/service/settings.h"
#include "pdp/service/shadow.h"
#include "pdp/service/version.h"
#include "pdp/source_reader.h"
#include "pdp/sync/block_list.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/store_lookup.h"
#include "store/store.h"

namespace {

using pdp::Log;
using pdp::Severity;
using pdp::service::HttpResponse;
using pdp::service::Settings;

constexpr int kDrained = 0;
constexpr int kFault = 1;
constexpr int kBadConfiguration = 2;

// SIGTERM and SIGINT are waited for, not handled.
sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

bool WaitForStop(absl::Duration limit) {
  const sigset_t signals = StopSignals();
  const timespec wait = absl::ToTimespec(limit);
  return sigtimedwait(&signals, nullptr, &wait) > 0;
}

int Fail(int code, std::string_view message) {
  std::fprintf(stderr, "pdpd: %.*s\n", static_cast<int>(message.size()),
               message.data());
  return code;
}

// `null` where there is none.
std::string AddressOf(const pdp::service::HttpServer* http) {
  return http == nullptr ? "null"
                         : pdp::fhir::QuoteJson(http->address().ToString());
}

void PrintReady(const std::vector<pdp::service::ListenAddress>& grpc,
                const pdp::service::HttpServer* http,
                const pdp::service::HttpServer* forward_auth) {
  const std::string addresses = absl::StrJoin(
      grpc, ",",
      [](std::string* out, const pdp::service::ListenAddress& address) {
        *out += pdp::fhir::QuoteJson(address.ToString());
      });
  const std::string more =
      forward_auth == nullptr
          ? ""
          : pdp::StrCat(",\"forward_auth\":", AddressOf(forward_auth));
  std::printf("{\"event\":\"ready\",\"grpc\":[%s],\"http\":%s%s,\"pid\":%d}\n",
              addresses.c_str(), AddressOf(http).c_str(), more.c_str(),
              static_cast<int>(getpid()));
  std::fflush(stdout);
}

absl::StatusOr<std::unique_ptr<pdp::service::HttpServer>> StartHttp(
    const pdp::service::ListenAddress& address,
    const pdp::service::MetricsSources& sources,
    const std::atomic<bool>& draining) {
  return pdp::service::HttpServer::Start(
      address,
      {{"/metrics",
        [sources] {
          return HttpResponse{
              .content_type = pdp::service::kMetricsContentType,
              .body = pdp::service::RenderMetrics(sources, absl::Now())};
        }},
       {"/livez", [] { return HttpResponse{.body = "live\n"}; }},
       {"/readyz", [sources, &draining] {
          return sources.data.IsReady() && !draining
                     ? HttpResponse{.body = "ready\n"}
                     : HttpResponse{.status = 503, .body = "not ready\n"};
        }}});
}

// Says once when a feed becomes stale, and once when it is fresh again.
class StalenessWatch {
 public:
  StalenessWatch(const pdp::FreshnessTable& feeds, absl::Duration stale_after)
      : feeds_(feeds), stale_after_(stale_after) {}

  void Look() {
    const absl::Duration now = pdp::Clock::Real().SinceBoot();
    feeds_.ForEach(
        [&](std::string_view project, const pdp::FeedFreshness& feed) {
          const absl::Duration age = feed.Age(now);
          const bool stale = age > stale_after_;
          bool& was_stale = stale_[std::string(project)];
          if (stale == was_stale) return;
          was_stale = stale;
          Log(stale ? Severity::kWarning : Severity::kInfo,
              stale ? "stale" : "fresh",
              {{"project", project},
               {"state", pdp::FeedStateName(feed.state())},
               {"age", absl::FormatDuration(age)}});
        });
  }

 private:
  const pdp::FreshnessTable& feeds_;
  const absl::Duration stale_after_;
  std::map<std::string, bool> stale_;
};

// Says once when the files of TLS cannot be used, and once when they can again.
class TlsWatch {
 public:
  void Look(pdp::auth::TlsFiles& files) {
    const uint64_t before = files.generation();
    const absl::Status status = files.Reload();
    if (files.generation() != before) {
      Log(Severity::kInfo, "tls_reloaded",
          {{"expires", absl::FormatTime(files.Current()->expires)}});
    }
    if (status.ok() == was_usable_) return;
    was_usable_ = status.ok();
    Log(status.ok() ? Severity::kInfo : Severity::kError,
        status.ok() ? "tls_usable" : "tls_unusable",
        {{"error", pdp::ToStd(status.message())}});
  }

 private:
  bool was_usable_ = true;
};

void RemoveEnded(pdp::sync::BlockList& blocks) {
  const absl::Status status = blocks.RemoveEnded();
  if (status.ok()) return;
  Log(Severity::kError, "blocks_not_removed",
      {{"error", pdp::ToStd(status.message())}});
}

// Members are traced back to their projects and profiles, not to users and
// tenants.
void TellOfBlocks(uint64_t revision, const std::vector<std::string>& targets,
                  pdp::service::RevisionWatchers& watchers) {
  static constexpr std::string_view kTraced[] = {
      "ProjectMembership", "Project",           "Practitioner", "Patient",
      "RelatedPerson",     "ClientApplication", "Bot"};
  std::vector<pdp::fhir::ResourceKey> keys;
  for (const std::string& target : targets) {
    auto key = pdp::fhir::ResourceKey::Parse(target);
    if (!key || std::find(std::begin(kTraced), std::end(kTraced), key->type) ==
                    std::end(kTraced)) {
      watchers.AllChanged(revision);
      return;
    }
    keys.push_back(*std::move(key));
  }
  watchers.Changed(revision, keys);
}

// Where records of this server are.
std::vector<std::string> AuditDirectories(const Settings& settings) {
  std::vector<std::string> directories = {settings.audit.journal.directory};
  if (!settings.audit.archive.directory.empty()) {
    directories.push_back(settings.audit.archive.directory);
  }
  return directories;
}

// Of `sinks`, which may be null.
std::function<std::vector<pdp::audit_sink::SinkStatus>()> SinkStatusOf(
    const pdp::EventSinks* sinks) {
  if (sinks == nullptr) return nullptr;
  return [sinks] { return sinks->Status(); };
}

int Serve(const Settings& settings) {
  std::unique_ptr<pdp::auth::TlsFiles> tls;
  if (settings.tls) {
    auto opened = pdp::auth::TlsFiles::Open(settings.tls->paths);
    if (!opened.ok()) {
      return Fail(kBadConfiguration,
                  pdp::StrCat("tls: ", pdp::ToStd(opened.status().message())));
    }
    tls = *std::move(opened);
  }
  auto callers =
      pdp::service::Callers::Open(settings.callers, pdp::Clock::Real(),
                                  settings.limits.caller_calls_per_second);
  if (!callers.ok()) {
    return Fail(kBadConfiguration, pdp::ToStd(callers.status().message()));
  }
  // Store.
  std::error_code error;
  std::filesystem::create_directories(settings.data_dir, error);
  if (error) {
    return Fail(kBadConfiguration,
                pdp::StrCat("data-dir: cannot make `", settings.data_dir,
                            "`: ", error.message()));
  }
  const pdp::store::Options store_options = {
      .directory = settings.data_dir + "/store",
      .history = pdp::sync::MirroredHistory()};
  const bool is_copy =
      pdp::BeginWithCheckpoint(settings.bootstrap_from, store_options);
  auto store = pdp::store::Store::Open(store_options);
  if (!store.ok()) return Fail(kFault, pdp::ToStd(store.status().message()));

  // Audit log.
  pdp::service::Metrics metrics;
  std::unique_ptr<pdp::audit::FileJournal> journal;
  std::unique_ptr<pdp::EventSinks> sinks;  // May be null.
  std::unique_ptr<pdp::audit::Archiver> archiver;
  std::unique_ptr<pdp::audit::BestEffortJournal> queue;  // In best effort.
  if (settings.audit_mode != pdp::service::AuditMode::kOff) {
    auto opened = pdp::audit::FileJournal::Open(settings.audit.journal);
    if (!opened.ok()) {
      return Fail(kFault, pdp::StrCat("audit log: ",
                                      pdp::ToStd(opened.status().message())));
    }
    journal = *std::move(opened);
    auto started = pdp::EventSinks::Start(settings);
    if (!started.ok()) {
      return Fail(kFault, pdp::StrCat("audit.medplum: ",
                                      pdp::ToStd(started.status().message())));
    }
    sinks = *std::move(started);
    pdp::audit::ArchiveOptions archive = settings.audit.archive;
    if (sinks != nullptr) {
      archive.is_needed = [&](const pdp::audit::SegmentName& name) {
        return sinks->Need(name);
      };
    }
    archiver = pdp::audit::Archiver::Start(*journal, std::move(archive));
    if (settings.audit_mode == pdp::service::AuditMode::kBestEffort) {
      queue = std::make_unique<pdp::audit::BestEffortJournal>(*journal);
    }
  }
  pdp::service::Audit audit = {.mode = settings.audit_mode,
                               .journal = journal.get()};
  if (queue != nullptr) audit.journal = queue.get();
  pdp::service::RecentDecisions recent_decisions;
  audit.recent = &recent_decisions;
  pdp::ChangeRecorder changed(audit, metrics, **store,
                              is_copy || (*store)->revision() == 0,
                              settings.data_dir + "/recorded-revision");
  const auto sync_changes = [&] {
    changed.Sync([&] { return journal->SyncWritten(); });
  };

  // Source and decision point.
  pdp::FreshnessTable feeds;
  const std::unique_ptr<pdp::sync::AttributeCache> attributes =
      pdp::MakeAttributeCache(settings);
  pdp::sync::StoreLookup lookup(**store,
                                pdp::LookupOptions(settings, attributes.get()));
  pdp::policy::DecisionPoint decision_point(
      lookup, {.mode = settings.mode,
               .parameter_semantics = settings.parameter_semantics,
               .max_bound_policies = settings.max_bound_policies,
               .keeps_project =
                   [&](std::string_view project) {
                     return feeds.Find(project) != nullptr;
                   },
               .tenant_parameters = settings.tenant_parameters,
               .session_rules = settings.session_rules});
  pdp::service::RevisionWatchers watchers(lookup);
  auto blocks = pdp::sync::BlockList::Open(
      **store,
      {.publish = [&](auto set) { decision_point.Publish(std::move(set)); },
       .changed =
           [&](uint64_t revision, const std::vector<std::string>& targets) {
             TellOfBlocks(revision, targets, watchers);
           }});
  if (!blocks.ok()) return Fail(kFault, pdp::ToStd(blocks.status().message()));
  decision_point.Invalidate((*store)->revision(), {});
  // In the order of revisions, whoever writes: a source, or the blocks.
  (*store)->AddObserver([&](const pdp::store::Applied& applied) {
    decision_point.Invalidate(applied.revision, applied.keys);
    watchers.Changed(applied.revision, applied.keys);
    changed.Changed(applied);
  });
  pdp::Backend* changes = nullptr;
  auto made = pdp::ConfiguredSource::Make(
      settings, **store, feeds, attributes.get(), [&](uint64_t, auto changed) {
        if (changes != nullptr) changes->Changed(changed.size());
      });
  if (!made.ok()) {
    return Fail(
        absl::IsInvalidArgument(made.status()) ? kBadConfiguration : kFault,
        pdp::ToStd(made.status().message()));
  }
  pdp::sync::Source& source = (*made)->source();
  pdp::SourceState state(feeds, **store, pdp::KeptTypes(settings));
  pdp::Backend backend(**store, lookup, source, feeds, attributes.get(),
                       settings.data_dir + "/checkpoints");
  changes = &backend;

  pdp::KeptHistory history(**store, lookup, settings.history_retention);

  // Service.
  std::unique_ptr<pdp::service::Shadow> shadow;
  if (settings.shadow) {
    shadow = std::make_unique<pdp::service::Shadow>(decision_point);
  }
  pdp::service::DecisionService service(
      decision_point, lookup, state, metrics,
      {.max_staleness = settings.max_staleness,
       .stale_after = settings.stale_after,
       .decision_reuse = settings.decision_reuse,
       .max_batch_items = settings.limits.batch_items,
       .project_questions_per_second =
           settings.limits.project_questions_per_second,
       .shadow = shadow.get(),
       .tokens = (*made)->access_tokens(),
       .history = &history,
       .audit_directories = AuditDirectories(settings)});
  pdp::service::AdminService admin(decision_point, state, backend, shadow.get(),
                                   blocks->get(), &lookup,
                                   {.stale_after = settings.stale_after,
                                    .max_staleness = settings.max_staleness});
  pdp::SourceReader reader(source);

  // Servers.
  std::unique_ptr<pdp::service::HttpServer> http;
  std::atomic<bool> draining = false;
  if (settings.http_listen) {
    auto started =
        StartHttp(*settings.http_listen,
                  {metrics, decision_point, state, backend, shadow.get(),
                   (*made)->access_tokens(), tls.get(), journal.get(),
                   archiver.get(), SinkStatusOf(sinks.get()), queue.get()},
                  draining);
    if (!started.ok()) {
      return Fail(kFault, pdp::ToStd(started.status().message()));
    }
    http = *std::move(started);
  }
  const pdp::service::Gateway gateway(service, settings.gateway.rules);
  std::unique_ptr<pdp::service::ForwardAuth> forward_auth;
  std::unique_ptr<pdp::service::HttpServer> forward_auth_http;
  if (settings.gateway.forward_auth) {
    forward_auth = std::make_unique<pdp::service::ForwardAuth>(
        gateway, **callers, metrics,
        pdp::service::FactSources{.fetcher = &reader,
                                  .refresher = &reader,
                                  .tokens = (*made)->access_tokens()},
        audit,
        pdp::service::ForwardAuthOptions{
            .headers = settings.gateway.forward_auth_headers});
    auto started = pdp::service::HttpServer::Start(
        *settings.gateway.forward_auth, {}, {},
        {{pdp::service::kForwardAuthPath,
          [&forward_auth](const pdp::service::HttpRequest& question) {
            return forward_auth->Answer(question);
          }}});
    if (!started.ok()) {
      return Fail(kFault, pdp::ToStd(started.status().message()));
    }
    forward_auth_http = *std::move(started);
  }
  const auto clients = settings.tls ? settings.tls->clients
                                    : pdp::service::ClientCertificates::kNone;
  auto server = pdp::service::Server::Start(
      {.listen = settings.listen,
       .threads = settings.threads,
       .limits = settings.limits,
       .tls = tls.get(),
       .client_certificates = clients,
       .socket_mode = settings.socket_mode,
       .reflection = settings.reflection},
      {.callers = **callers,
       .decisions = service,
       .admin = admin,
       .metrics = metrics,
       .fetcher = &reader,
       .refresher = &reader,
       .watchers = &watchers,
       .tokens = (*made)->access_tokens(),
       .gateway = settings.gateway.ext_authz ? &gateway : nullptr,
       .audit = audit});
  if (!server.ok()) return Fail(kFault, pdp::ToStd(server.status().message()));

  // Serve.
  const absl::Status loaded = source.Start();
  if (!loaded.ok()) {
    // A server takes its time to read; a directory is read by now.
    Log(settings.medplum ? Severity::kInfo : Severity::kError,
        "source_not_ready", {{"error", pdp::ToStd(loaded.message())}});
  }
  TlsWatch tls_watch;
  StalenessWatch staleness(feeds, settings.stale_after);
  do {
    const pdp::sync::SourceStatus status = source.Status();
    state.Update(status);
    (*callers)->Reload();
    if (tls != nullptr) tls_watch.Look(*tls);
    if (!state.IsReady() && status.ready) {
      history.Maintain();
      backend.Recount();  // Whoever is told `ready` sees true counts.
      changed.Filled();
      state.SetReady();
      (*server)->SetServing(true);
      Log(Severity::kInfo, "ready",
          {{"revision", decision_point.revision()},
           {"audit", pdp::service::AuditModeName(settings.audit_mode)}});
      PrintReady((*server)->addresses(), http.get(), forward_auth_http.get());
    }
    if (state.IsReady()) {
      staleness.Look();
      RemoveEnded(**blocks);
      sync_changes();
      history.Maintain();
      backend.Recount();
    }
  } while (!WaitForStop(state.IsReady() ? absl::Seconds(5)
                                        : absl::Milliseconds(100)));

  // Drain.
  Log(Severity::kInfo, "draining");
  draining = true;
  forward_auth_http.reset();
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // A second one kills.
  (*server)->Drain(absl::Now() + settings.drain_timeout);
  http.reset();
  source.Stop();
  sync_changes();
  server->reset();  // With what it had not written.
  if (journal != nullptr) {
    if (queue != nullptr) queue->Flush();
    journal->Close();
    archiver->Finish();
  }
  Log(Severity::kInfo, "drained");
  return kDrained;
}

}  // namespace

int main(int argc, char** argv) {
  // Debian's abseil keeps a graph of every mutex of gRPC's to find deadlocks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // A caller's text that is not UTF-8 is answered, not logged.
  google::protobuf::SetLogHandler(nullptr);
  // What the store holds is nobody else's.
  umask(0077);
  // Before any thread is started, so that all of them leave these alone.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is a fault of the write.
  signal(SIGXFSZ, SIG_IGN);

  const pdp::service::CommandLine command_line =
      pdp::service::ParseCommandLine(argc, argv);
  if (command_line.exit) {
    std::fputs(command_line.exit->message.c_str(),
               command_line.exit->code == 0 ? stdout : stderr);
    return command_line.exit->code;
  }
  const absl::StatusOr<Settings> settings =
      pdp::service::LoadSettings(command_line.inputs);
  if (!settings.ok()) {
    return Fail(kBadConfiguration, pdp::ToStd(settings.status().message()));
  }
  return Serve(*settings);
}

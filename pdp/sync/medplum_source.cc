#include "pdp/sync/medplum_source.h"

#include <algorithm>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "pdp/base/log.h"
#include "pdp/base/strings.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

// Calls `done` when all of several answers are there, with the first error.
class Gathering {
 public:
  Gathering(size_t answers, Source::Done done)
      : missing_(answers), done_(std::move(done)) {}

  void Add(const absl::Status& answer) {
    {
      MutexLock lock(mutex_);
      status_.Update(answer);
      if (--missing_ > 0) return;
    }
    done_(status_);
  }

  static Source::Done Of(size_t answers, Source::Done done) {
    auto gathering = std::make_shared<Gathering>(answers, std::move(done));
    return [gathering](const absl::Status& answer) { gathering->Add(answer); };
  }

 private:
  Mutex mutex_;
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_;
  const Source::Done done_;
};

absl::Status NoLoginFor(std::string_view project) {
  return absl::UnavailableError(StrCat("no login reads Project/", project));
}

}  // namespace

MedplumSource::MedplumSource(Options options, const store::Store& store,
                             Mirror& mirror)
    : options_(std::move(options)),
      store_(store),
      budget_(options_.max_searches_per_second, *options_.clock),
      attribute_budget_(options_.max_attribute_reads_per_second,
                        *options_.clock) {
  for (const Feed& feed : options_.feeds) {
    AttributeCache::FeedId attribute_feed = 0;
    if (options_.attributes != nullptr) {
      attribute_feed =
          options_.attributes->AddFeed(feed.project, *feed.freshness);
    }
    feeds_.push_back(std::make_unique<ProjectFeed>(ProjectFeed::Options{
        .source = options_.name,
        .project = feed.project,
        .api = feed.api,
        .freshness = feed.freshness,
        .start_notifications = feed.start_notifications,
        .web_socket = feed.web_socket,
        .sweep = options_.sweep,
        .store = &store,
        .mirror = &mirror,
        .budget = &budget_,
        .attributes = options_.attributes,
        .attribute_feed = attribute_feed,
        .attribute_budget = &attribute_budget_,
        .clock = options_.clock,
        .server_version = [this](std::string_view version) {
          SetServerVersion(version);
        }}));
  }
}

MedplumSource::~MedplumSource() { Stop(); }

absl::Status MedplumSource::Start() {
  for (const auto& feed : feeds_) feed->Start();
  return absl::UnavailableError("the first load is under way");
}

void MedplumSource::Stop() {
  // All at once: each may have to wait for a call to end.
  std::vector<std::thread> stopping;
  for (const auto& feed : feeds_) {
    stopping.emplace_back([&feed] { feed->Stop(); });
  }
  for (std::thread& thread : stopping) thread.join();
}

absl::Status MedplumSource::Resync() {
  if (feeds_.empty()) return absl::OkStatus();
  std::promise<absl::Status> promise;
  const Done done = Gathering::Of(feeds_.size(), [&](absl::Status status) {
    promise.set_value(std::move(status));
  });
  for (const auto& feed : feeds_) feed->Resync(done);
  return promise.get_future().get();
}

ProjectFeed* MedplumSource::FeedOf(std::string_view project) {
  for (const std::string_view wanted : {project, std::string_view()}) {
    for (const auto& feed : feeds_) {
      if (feed->project() == wanted) return feed.get();
    }
  }
  return nullptr;
}

std::vector<ProjectFeed*> MedplumSource::FeedsOf(const fhir::ResourceKey& key,
                                                 std::string_view project) {
  const absl::StatusOr<std::optional<store::Record>> held = store_.Get(key);
  ProjectFeed* feed = nullptr;
  if (held.ok() && held->has_value()) feed = FeedOf((*held)->project);
  if (feed == nullptr && !project.empty()) feed = FeedOf(project);
  if (feed != nullptr) return {feed};
  std::vector<ProjectFeed*> all;
  if (!project.empty()) return all;
  for (const auto& each : feeds_) all.push_back(each.get());
  return all;
}

void MedplumSource::Reread(std::vector<fhir::ResourceKey> keys,
                           std::string_view project, Done done) {
  std::vector<std::pair<ProjectFeed*, const fhir::ResourceKey*>> reads;
  std::vector<std::pair<FeedAttributes*, const fhir::ResourceKey*>> attributes;
  for (const fhir::ResourceKey& key : keys) {
    const std::vector<FeedAttributes*> wanted_by = WantedBy(key);
    for (FeedAttributes* const each : wanted_by) {
      attributes.push_back({each, &key});
    }
    // What is not mirrored was read meanwhile where nobody wants it any more.
    if (!wanted_by.empty() ||
        (options_.attributes != nullptr && !FindMirroredType(key.type))) {
      continue;
    }
    const std::vector<ProjectFeed*> feeds = FeedsOf(key, project);
    if (feeds.empty()) return done(NoLoginFor(project));
    for (ProjectFeed* const feed : feeds) reads.push_back({feed, &key});
  }
  const size_t count = reads.size() + attributes.size();
  if (count == 0) return done(absl::OkStatus());
  const Done one = Gathering::Of(count, std::move(done));
  for (const auto& [feed, key] : attributes) feed->Read(*key, one);
  for (const auto& [feed, key] : reads) feed->Reread(*key, one);
}

std::vector<FeedAttributes*> MedplumSource::WantedBy(
    const fhir::ResourceKey& key) {
  std::vector<FeedAttributes*> wanted_by;
  const MirroredType* const mirrored = FindMirroredType(key.type);
  if (mirrored != nullptr && mirrored->kept == Mirrored::kWhole) {
    return wanted_by;
  }
  for (const auto& feed : feeds_) {
    FeedAttributes* const attributes = feed->attributes();
    if (attributes != nullptr && attributes->IsWanted(key)) {
      wanted_by.push_back(attributes);
    }
  }
  return wanted_by;
}

void MedplumSource::Refresh(std::string_view project, Done done) {
  if (!project.empty()) {
    ProjectFeed* const feed = FeedOf(project);
    if (feed != nullptr) return feed->Refresh(std::move(done));
  }
  if (!project.empty() || feeds_.empty()) {
    return done(
        absl::UnavailableError(StrCat("no login reads Project/", project)));
  }
  const Done one = Gathering::Of(feeds_.size(), std::move(done));
  for (const auto& feed : feeds_) feed->Refresh(one);
}

void MedplumSource::SetServerVersion(std::string_view version) {
  const auto& checked = options_.checked_versions;
  const bool is_checked =
      std::find(checked.begin(), checked.end(), version) != checked.end();
  {
    MutexLock lock(mutex_);
    if (server_version_ == version) return;
    server_version_ = version;
    server_version_checked_ = is_checked;
  }
  Log(is_checked ? Severity::kInfo : Severity::kWarning,
      is_checked ? "server_version" : "server_version_not_checked",
      {{"version", version}});
}

SourceStatus MedplumSource::Status() const {
  SourceStatus status = {.name = options_.name, .ready = true};
  absl::Time oldest_success = absl::InfiniteFuture();
  for (const auto& feed : feeds_) {
    FeedStatus one = feed->Status();
    status.ready &= feed->ready();
    status.reloads += feed->rounds();
    oldest_success = std::min(oldest_success, one.last_sweep);
    if (!one.message.empty()) {
      status.last_error +=
          StrCat(status.last_error.empty() ? "" : "\n",
                 one.project.empty() ? "all projects" : "Project/", one.project,
                 ": ", one.message);
    }
    status.last_failure = std::max(status.last_failure, one.last_failure);
    status.failures += one.failures;
    status.resources += one.resources;
    status.feeds.push_back(std::move(one));
  }
  if (!feeds_.empty()) status.last_success = oldest_success;
  status.revision = store_.revision();
  MutexLock lock(mutex_);
  status.server_version = server_version_;
  status.server_version_checked = server_version_checked_;
  return status;
}

}  // namespace pdp::sync

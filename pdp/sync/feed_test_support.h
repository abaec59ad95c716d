// A feed's parts around a model server, on a clock that only moves when they
// wait or a test moves it.

#ifndef PDP_SYNC_FEED_TEST_SUPPORT_H_
#define PDP_SYNC_FEED_TEST_SUPPORT_H_

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/feed_freshness.h"
#include "pdp/base/strings.h"
#include "pdp/sync/attribute_cache.h"
#include "pdp/sync/feed_attributes.h"
#include "pdp/sync/feed_position.h"
#include "pdp/sync/feed_reads.h"
#include "pdp/sync/feed_rounds.h"
#include "pdp/sync/mirror.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/search_budget.h"
#include "store/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/model_server.h"
#include "tests/support/temp_directory.h"

namespace pdp::sync {

inline constexpr std::string_view kModelSource = "medplum:model";

// `type/id` to versionId, of what lives; `deleted` where a tombstone counts.
using Content = std::map<std::string, std::string>;

// What a feed of `project` must hold of the server's rows.  Of profiles, only
// the deleted ones that a membership names count.
inline Content ContentOf(const ModelServer& server, std::string_view project) {
  Content content;
  const auto rows = server.rows();
  for (const auto& [key, row] : rows) {
    const MirroredType* const type = FindMirroredType(key.type);
    if (type == nullptr || (!project.empty() && row.project != project)) {
      continue;
    }
    if (type->kept == Mirrored::kWhole && !row.deleted) {
      content[key.ToString()] = row.version;
    }
    if (key.type != "ProjectMembership" || row.deleted) continue;
    for (const auto& [profile, profile_row] : rows) {
      if (profile_row.deleted &&
          row.members.find(StrCat("\"", profile.ToString(), "\"")) !=
              std::string::npos) {
        content[profile.ToString()] = "deleted";
      }
    }
  }
  return content;
}

// What the store holds, likewise.
inline Content ContentOf(const store::Store& store, const Mirror& mirror,
                         std::string_view project) {
  Content content;
  for (const MirroredType& type : MirroredTypes()) {
    const absl::Status status = mirror.VisitHeads(
        project, type.name, [&](std::string_view id, std::string_view version) {
          content[StrCat(type.name, "/", id)] = version;
          return true;
        });
    if (!status.ok()) std::abort();
  }
  const auto profiles = mirror.DeletedProfiles(project);
  if (!profiles.ok()) std::abort();
  for (const fhir::ResourceKey& key : *profiles) {
    content[key.ToString()] = "deleted";
  }
  if (store.revision() == 0 && !content.empty()) std::abort();
  return content;
}

class FeedFixture {
 public:
  explicit FeedFixture(std::string_view project = "p")
      : server(clock), project_(project) {
    if (!project.empty()) server.Put({"Project", project_}, project_);
    Restart();
  }

  // As after a kill: only the store is left.
  void Restart() {
    rounds.reset();
    attributes.reset();
    cursors.reset();
    reads.reset();
    mirror.reset();
    store.reset();
    auto opened = store::Store::Open({.directory = directory_ / "store"});
    if (!opened.ok()) std::abort();
    store = *std::move(opened);
    Mirror::Options options{.source = std::string(kModelSource)};
    if (project_.empty()) {
      options.all_others = true;
    } else {
      options.projects = {project_};
    }
    auto made = Mirror::Open(*store, options, {});
    if (!made.ok()) std::abort();
    mirror = *std::move(made);
    login = std::make_unique<ModelLogin>(server, project_);
    budget = std::make_unique<SearchBudget>(1000.0, clock);
    freshness = std::make_unique<FeedFreshness>();
    reads = std::make_unique<FeedReads>(
        FeedReads::Options{.project = project_,
                           .api = login.get(),
                           .mirror = mirror.get(),
                           .budget = budget.get(),
                           .wait = [this](absl::Duration time) {
                             clock.Advance(time);
                             return absl::OkStatus();
                           }});
    cursors = std::make_unique<FeedCursors>(*store, std::string(kModelSource),
                                            project_);
    cache = std::make_unique<AttributeCache>(
        AttributeCache::Options{.clock = &clock});
    attributes = std::make_unique<FeedAttributes>(
        *reads,
        FeedAttributes::Options{.cache = cache.get(),
                                .feed = cache->AddFeed(project_, *freshness),
                                .budget = budget.get()});
    rounds = std::make_unique<FeedRounds>(
        *reads, *cursors,
        FeedRounds::Options{
            .clock = &clock,
            .freshness = freshness.get(),
            .logged_in =
                [this](const std::vector<std::string>& missing) {
                  to_notify = missing;
                },
            .server_version =
                [this](std::string_view version) { server_version = version; },
            .progress = [this](std::string_view,
                               uint64_t count) { loaded = count; },
            .attributes = attributes.get()});
  }

  // All steps of a full sweep that is asked for.
  absl::Status FullSweep() {
    rounds->AskForFullSweep();
    while (rounds->HasStep()) {
      const absl::StatusOr<bool> complete = rounds->Step();
      if (!complete.ok()) return complete.status();
      if (*complete) return absl::OkStatus();
    }
    return absl::FailedPreconditionError("no round was complete yet");
  }

  Content Held() const { return ContentOf(*store, *mirror, project_); }
  Content Expected() const { return ContentOf(server, project_); }

  FakeClock clock;
  ModelServer server;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Mirror> mirror;
  std::unique_ptr<ModelLogin> login;
  std::unique_ptr<SearchBudget> budget;
  std::unique_ptr<FeedFreshness> freshness;
  std::unique_ptr<FeedReads> reads;
  std::unique_ptr<FeedCursors> cursors;
  std::unique_ptr<AttributeCache> cache;
  std::unique_ptr<FeedAttributes> attributes;
  std::unique_ptr<FeedRounds> rounds;
  std::vector<std::string> to_notify;
  std::string server_version;
  uint64_t loaded = 0;

 private:
  const std::string project_;
  const TempDirectory directory_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FEED_TEST_SUPPORT_H_

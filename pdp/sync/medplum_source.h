// MedplumSource keeps a store in step with a Medplum server: `--source
// medplum`.
//
// It has a feed for each project that has a login of its own, and one for all
// others where a super admin's login is there.  What each of them does is in
// project_feed.h; what becomes of what they read, in mirror.h.

#ifndef PDP_SYNC_MEDPLUM_SOURCE_H_
#define PDP_SYNC_MEDPLUM_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "pdp/base/clock.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/base/mutex.h"
#include "pdp/medplum/api.h"
#include "pdp/sync/attribute_cache.h"
#include "pdp/sync/feed_attributes.h"
#include "pdp/sync/feed_rounds.h"
#include "pdp/sync/mirror.h"
#include "pdp/sync/project_feed.h"
#include "pdp/sync/search_budget.h"
#include "pdp/sync/source.h"
#include "store/store.h"

namespace pdp::sync {

// Thread-safe.
class MedplumSource : public Source {
 public:
  struct Feed {
    std::string project;          // Empty: all that have no feed of their own.
    medplum::Api* api = nullptr;  // Of this feed alone: Stop stops it.
    FeedFreshness* freshness = nullptr;
    StartNotifications start_notifications;  // Empty: sweeps alone.
    bool web_socket = false;                 // How notifications come.
  };

  struct Options {
    // Says which server it is, `medplum:https://api.example.com/`: the same as
    // the mirror's.
    std::string name;
    std::vector<Feed> feeds;
    SweepSettings sweep;
    double max_searches_per_second = 20;
    // Where what decisions read by reference is kept; null: nowhere.
    AttributeCache* attributes = nullptr;
    double max_attribute_reads_per_second = 50;
    // The server's versions whose rules are known.
    std::vector<std::string> checked_versions = {"5.1.29"};
    const Clock* clock = &Clock::Real();
  };

  // `store`, `mirror`, and what `options` points to must outlive the source.
  MedplumSource(Options options, const store::Store& store, Mirror& mirror);
  ~MedplumSource() override;

  // Does not wait for the first load: Unavailable.
  absl::Status Start() override;
  void Stop() override;
  // Compares everything.
  absl::Status Resync() override;
  void Reread(std::vector<fhir::ResourceKey> keys, std::string_view project,
              Done done) override;
  void Refresh(std::string_view project, Done done) override;
  SourceStatus Status() const override;

 private:
  // Those that can tell of `key`: where it is held, the one that keeps it;
  // otherwise that of `project`, or all where that is empty.
  std::vector<ProjectFeed*> FeedsOf(const fhir::ResourceKey& key,
                                    std::string_view project);
  ProjectFeed* FeedOf(std::string_view project);
  // Those for which decisions want to know of `key`.
  std::vector<FeedAttributes*> WantedBy(const fhir::ResourceKey& key);
  void SetServerVersion(std::string_view version);

  const Options options_;
  const store::Store& store_;
  SearchBudget budget_;
  SearchBudget attribute_budget_;

  mutable Mutex mutex_;
  std::string server_version_ ABSL_GUARDED_BY(mutex_);
  bool server_version_checked_ ABSL_GUARDED_BY(mutex_) = false;

  std::vector<std::unique_ptr<ProjectFeed>> feeds_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_MEDPLUM_SOURCE_H_

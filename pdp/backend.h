// What the service sees of the store and the source: how fresh they are, and
// how they are operated.

#ifndef PDP_BACKEND_H_
#define PDP_BACKEND_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/service/admin_backend.h"
#include "pdp/service/data_state.h"
#include "pdp/store_census.h"
#include "pdp/sync/attribute_cache.h"
#include "pdp/sync/source.h"
#include "pdp/sync/store_lookup.h"
#include "store/keys.h"
#include "store/store.h"

namespace pdp {

// Thread-safe.
class SourceState final : public service::DataState {
 public:
  // Both must outlive the state.  `keeps_type` says which resource types the
  // source has; empty: all.
  SourceState(const FreshnessTable& feeds, const store::Store& store,
              std::function<bool(std::string_view type)> keeps_type = {})
      : feeds_(feeds), store_(store), keeps_type_(std::move(keeps_type)) {}

  bool IsReady() const override {
    return ready_.load(std::memory_order_acquire);
  }
  const FreshnessTable& Feeds() const override { return feeds_; }
  uint64_t StoredRevision() const override {
    return store_.ReadRevision().value_or(UINT64_MAX);  // Never reached.
  }
  bool KeepsType(std::string_view type) const override {
    return !keeps_type_ || keeps_type_(type);
  }
  bool IsServerVersionChecked() const override {
    return version_checked_.load(std::memory_order_relaxed);
  }

  void SetReady() { ready_.store(true, std::memory_order_release); }

  // To be called with each new status of the source.
  void Update(const sync::SourceStatus& status) {
    // Only a server has feeds.
    version_checked_.store(status.feeds.empty() ||
                           status.server_version_checked);
  }

 private:
  const FreshnessTable& feeds_;
  const store::Store& store_;
  const std::function<bool(std::string_view type)> keeps_type_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> version_checked_{true};
};

// Thread-safe.
class Backend final : public service::AdminBackend {
 public:
  // All of them must outlive the backend.  Checkpoints are made in
  // `checkpoint_directory`, which is made with the first.
  // `attributes` may be null.
  Backend(store::Store& store, const sync::StoreLookup& lookup,
          sync::Source& source, const FreshnessTable& feeds,
          const sync::AttributeCache* attributes,
          std::string checkpoint_directory)
      : store_(store),
        lookup_(lookup),
        source_(source),
        feeds_(feeds),
        attributes_(attributes),
        checkpoint_directory_(std::move(checkpoint_directory)),
        census_(store) {}

  std::vector<service::SourceStatus> Sources() const override;
  service::StoreStatus Store() const override;
  std::optional<service::AttributeStatus> Attributes() const override;
  fhir::LookupState ScanMemberships(
      std::string_view project, std::string_view after,
      const std::function<bool(const fhir::ResourcePtr&)>& visit)
      const override {
    return lookup_.ScanAfter(store::kMembershipType, project, after, visit);
  }
  absl::StatusOr<service::ResyncResult> Resync() override;
  absl::StatusOr<service::CheckpointResult> Checkpoint(
      std::string_view name) override;

  // Counts what the store holds, from time to time.  From one thread at a time.
  void Recount() { census_.Take(); }

  // Called with each change of the store.
  void Changed(size_t resources) { changed_ += resources; }

 private:
  store::Store& store_;
  const sync::StoreLookup& lookup_;
  sync::Source& source_;
  const FreshnessTable& feeds_;
  const sync::AttributeCache* const attributes_;
  const std::string checkpoint_directory_;
  StoreCensus census_;
  std::atomic<uint64_t> changed_{0};  // Resources, since start.
};

}  // namespace pdp

#endif  // PDP_BACKEND_H_

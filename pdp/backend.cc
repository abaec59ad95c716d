#include "pdp/backend.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "pdp/base/clock.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "store/column_families.h"

namespace pdp {

std::vector<service::SourceStatus> Backend::Sources() const {
  sync::SourceStatus status = source_.Status();
  std::sort(status.feeds.begin(), status.feeds.end(),
            [](const FeedStatus& a, const FeedStatus& b) {
              return a.project < b.project;
            });
  const absl::Duration age = feeds_.OldestAge(Clock::Real().SinceBoot());
  return {{.name = status.name,
           .ready = status.ready,
           .fresh_as_of = absl::Now() - age,
           .last_error = status.last_error,
           .last_error_at = status.last_failure,
           .errors = status.failures,
           .resources = status.resources,
           .feeds = std::move(status.feeds),
           .server_version = std::move(status.server_version),
           .server_version_checked = status.server_version_checked}};
}

service::StoreStatus Backend::Store() const {
  const store::Statistics statistics = store_.statistics();
  const Census census = census_.counts();
  return {.format_version = store::kFormatVersion,
          .bytes_on_disk = statistics.disk_bytes,
          .memberships = census.memberships,
          .policies = census.policies,
          .history_versions = statistics.history_versions,
          .history_bytes = statistics.history_bytes,
          .history_begins = statistics.history_begins,
          .memberships_without_policy = census.memberships_without_policy,
          .refused_policies = census.refused_policies};
}

std::optional<service::AttributeStatus> Backend::Attributes() const {
  if (attributes_ == nullptr) return std::nullopt;
  const sync::AttributeCache::Statistics statistics = attributes_->statistics();
  return service::AttributeStatus{.hits = statistics.hits,
                                  .misses = statistics.misses,
                                  .evictions = statistics.evictions,
                                  .reads = statistics.reads,
                                  .failed_reads = statistics.failed_reads,
                                  .entries = statistics.entries,
                                  .bytes = statistics.bytes};
}

absl::StatusOr<service::ResyncResult> Backend::Resync() {
  const uint64_t before = changed_;
  PDP_RETURN_IF_ERROR(source_.Resync());
  return service::ResyncResult{.revision = store_.revision(),
                               .changed = changed_ - before};
}

absl::StatusOr<service::CheckpointResult> Backend::Checkpoint(
    std::string_view name) {
  std::error_code error;
  std::filesystem::create_directories(checkpoint_directory_, error);
  if (error) {
    return absl::FailedPreconditionError(
        StrCat("cannot make ", checkpoint_directory_, ": ", error.message()));
  }
  const std::string path = StrCat(checkpoint_directory_, "/", name);
  if (std::filesystem::exists(path, error)) {
    return absl::AlreadyExistsError(
        StrCat("name: a checkpoint `", name, "` exists; choose another name"));
  }
  // What is applied in between is in the copy, too: the revision is a floor.
  const uint64_t revision = store_.revision();
  PDP_RETURN_IF_ERROR(store_.Checkpoint(path));
  return service::CheckpointResult{.path = path, .revision = revision};
}

}  // namespace pdp

// AdminBackend: what PdpAdmin operates, as seen from the service.

#ifndef PDP_SERVICE_ADMIN_BACKEND_H_
#define PDP_SERVICE_ADMIN_BACKEND_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/feed_status.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_lookup.h"

namespace pdp::service {

// The proto messages of the same names say what the members mean.
struct SourceStatus {
  std::string name;
  bool ready = false;
  absl::Time fresh_as_of = absl::InfinitePast();
  std::string last_error;
  absl::Time last_error_at = absl::InfinitePast();
  uint64_t errors = 0;  // Since start.
  uint64_t resources = 0;
  std::vector<FeedStatus> feeds;  // In the order of their projects.
  std::string server_version;
  bool server_version_checked = false;
};

struct StoreStatus {
  uint32_t format_version = 0;
  uint64_t bytes_on_disk = 0;
  uint64_t memberships = 0;
  uint64_t policies = 0;
  uint64_t history_versions = 0;
  uint64_t history_bytes = 0;
  absl::Time history_begins = absl::InfiniteFuture();  // Not yet.
  uint64_t memberships_without_policy = 0;
  uint64_t refused_policies = 0;
};

// What is kept of resources that are named by reference; counts since start.
struct AttributeStatus {
  uint64_t hits = 0;
  uint64_t misses = 0;  // Something had to be fetched.
  uint64_t evictions = 0;
  uint64_t reads = 0;  // From the source.
  uint64_t failed_reads = 0;
  uint64_t entries = 0;  // Now.
  uint64_t bytes = 0;
};

struct ResyncResult {
  uint64_t revision = 0;
  uint64_t changed = 0;
};

struct CheckpointResult {
  std::string path;
  uint64_t revision = 0;
};

// Thread-safe.
class AdminBackend {
 public:
  virtual ~AdminBackend() = default;

  // These answer at once.
  virtual std::vector<SourceStatus> Sources() const = 0;
  virtual StoreStatus Store() const = 0;
  // Nothing of a source that has every resource in the store.
  virtual std::optional<AttributeStatus> Attributes() const {
    return std::nullopt;
  }

  // Visits the live ProjectMemberships of `project` (of any, where it is
  // empty), in the order of their ids, from the one that follows `after`, until
  // `visit` returns false.  kFound where all were seen or `visit` ended it.
  virtual fhir::LookupState ScanMemberships(
      std::string_view project, std::string_view after,
      const std::function<bool(const fhir::ResourcePtr&)>& visit) const = 0;

  // These may take long.  Their errors are shown to the caller.
  virtual absl::StatusOr<ResyncResult> Resync() = 0;
  // `name` is one path segment of letters, digits, `-` and `_`.
  virtual absl::StatusOr<CheckpointResult> Checkpoint(
      std::string_view name) = 0;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_ADMIN_BACKEND_H_

// A Source keeps a store in step with where the truth is.

#ifndef PDP_SYNC_SOURCE_H_
#define PDP_SYNC_SOURCE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::sync {

struct SourceStatus {
  std::string name;
  // Whether the store holds a whole state of this source: it may be served.
  // Stays true once it is true.
  bool ready = false;
  // When the source last agreed with the store; InfinitePast: not since Start.
  absl::Time last_success = absl::InfinitePast();
  // Why it does not now; empty where it does.  May have several lines.
  std::string last_error;
  // When an attempt last failed; InfinitePast where none did.
  absl::Time last_failure = absl::InfinitePast();
  uint64_t resources = 0;  // Live ones at the last success.
  uint64_t reloads = 0;    // Successful ones, changing something or not.
  uint64_t failures = 0;
  uint64_t revision = 0;  // Of the store.
};

// Called after a change was committed to the store, one call at a time: with
// the new revision, and what changed.
using ChangeCallback = std::function<void(
    uint64_t revision, std::span<const fhir::ResourceKey> changed)>;

// Implementations are thread-safe.
class Source {
 public:
  virtual ~Source() = default;

  // Loads, and begins to watch.  OK where the source is ready; otherwise why it
  // is not.  It watches all the same, and may become ready.
  virtual absl::Status Start() = 0;

  // Ends watching; no callback runs once it has returned.  Start may not be
  // called again.
  virtual void Stop() = 0;

  // Loads anew, now.  OK where the store then agrees with the source.
  virtual absl::Status Resync() = 0;

  virtual SourceStatus Status() const = 0;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_SOURCE_H_

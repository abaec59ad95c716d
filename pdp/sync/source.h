// A Source keeps a store in step with where the truth is.

#ifndef PDP_SYNC_SOURCE_H_
#define PDP_SYNC_SOURCE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/feed_status.h"
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
  // Of a source that has feeds, each of them.
  std::vector<FeedStatus> feeds;
  // The server's own version; empty where it is not known.
  std::string server_version;
  // Whether the rules were checked against that version.
  bool server_version_checked = false;
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

  // What follows returns at once.  `done` is called exactly once, within a
  // bounded time, from a thread of the source (once that has stopped, from the
  // caller's); it must not wait.  OK: the store holds the answer.  Unavailable:
  // it could not be had, now.
  using Done = std::function<void(absl::Status)>;

  // Reads `keys` again, from where the truth is now, and applies what it says.
  // A key that is not held is looked for as the feed of the project with the id
  // `project` sees it, or as each feed does where that is empty: nobody waits
  // for another project's feed.  Changes are published before `done` is called.
  virtual void Reread(std::vector<fhir::ResourceKey> keys,
                      std::string_view project, Done done) = 0;

  // Learns all that changed in the project with the id `project` (in any, where
  // it is empty) before this call.
  virtual void Refresh(std::string_view project, Done done) = 0;

  virtual SourceStatus Status() const = 0;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_SOURCE_H_

// What has changed of members' access, so that a caller can drop what it keeps
// of answers, or close a session.

#ifndef MEDPLUM_PDP_REVISION_WATCH_H_
#define MEDPLUM_PDP_REVISION_WATCH_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace medplum_pdp {

struct RevisionWatchOptions {
  // `ProjectMembership/id`, at most 1,000.  None: every member.
  std::vector<std::string> memberships;
  // One message after another.  What happened while there was no stream is not
  // known: the first message of each stream has `all_changed` set, that of the
  // very first stream included.
  std::function<void(const ::medplum::pdp::v1::WatchRevisionsResponse&)>
      on_change;
  // The stream is broken, and another one is tried, again and again, after 0.1
  // s to 10 s: until on_change is called nothing is known of changes.
  std::function<void(const absl::Status&)> on_broken;
};

// A watch that goes on until it is destroyed.
class RevisionWatch {
 public:
  // Waits for the callbacks.
  // REQUIRES: not called by a callback.
  ~RevisionWatch();
  RevisionWatch(const RevisionWatch&) = delete;
  RevisionWatch& operator=(const RevisionWatch&) = delete;

 private:
  friend class Client;
  class Impl;
  explicit RevisionWatch(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace medplum_pdp

#endif  // MEDPLUM_PDP_REVISION_WATCH_H_

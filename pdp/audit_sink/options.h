// How decisions become AuditEvents, and how that is going.

#ifndef PDP_AUDIT_SINK_OPTIONS_H_
#define PDP_AUDIT_SINK_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pdp/audit_sink/treatment.h"
#include "pdp/base/clock.h"

namespace pdp::audit_sink {

// What is the same for all projects.
struct SinkSettings {
  Reads reads = Reads::kFolded;
  // How long the reads of a member of a patient are one event.
  absl::Duration fold_window = absl::Minutes(5);
  // Events in one request, at most.
  size_t batch_size = 50;
  // How often the log is looked at.
  absl::Duration interval = absl::Seconds(1);
};

struct SinkOptions {
  SinkSettings settings;
  // Of the log, and where its segments are once they were removed there.
  std::string directory;
  std::string archive_directory;  // May be empty.
  // What this server is called in events.
  std::string server;

  // The id of the Project whose decisions these are; empty: of every one but
  // `other_projects`, named in the event.
  std::string project;
  std::vector<std::string> other_projects;
  // Whether what is of no project is posted here: calls of administrators, and
  // questions about subjects that nobody knows.
  bool takes_unplaced = false;

  // Reads that are kept open at a time; more of them are posted early.
  size_t max_folds = 10'000;

  // For tests.
  const Clock* clock = &Clock::Real();
  std::function<double()> random;  // In [0, 1).  Null: random.
  bool run_thread = true;          // False: RunOnce is called by the test.
};

// Totals are since the start.
struct SinkStatus {
  std::string project;      // Empty: all others.
  uint64_t created = 0;     // Events.
  uint64_t existing = 0;    // Events that were there from an earlier attempt.
  uint64_t rejected = 0;    // Events that the server does not take, ever.
  uint64_t failures = 0;    // Requests that failed, to be tried again.
  bool is_refused = false;  // The server refuses the login, now.
  uint64_t waiting_events = 0;
  uint64_t open_folds = 0;
  uint64_t unread_bytes = 0;  // Of the log.
  uint64_t lost_segments = 0;
  // All until then has been posted, open folds aside.
  absl::Time posted_until = absl::InfinitePast();
};

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_OPTIONS_H_

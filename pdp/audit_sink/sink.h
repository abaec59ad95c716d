// Sink: posts what the audit log says of a project's decisions as AuditEvents,
// at least once, and under identities by which the server takes each but once.
//
// The log is its spool: it reads on only when all that it has read was posted.
// What it is about to post is on the disk first, so that after a crash the same
// events are posted again under the same identities.

#ifndef PDP_AUDIT_SINK_SINK_H_
#define PDP_AUDIT_SINK_SINK_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/audit/line_records.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/segment.h"
#include "pdp/audit_sink/log_cursor.h"
#include "pdp/audit_sink/options.h"
#include "pdp/audit_sink/recent_decisions.h"
#include "pdp/audit_sink/sink_state.h"
#include "pdp/audit_sink/target.h"
#include "pdp/base/mutex.h"

namespace pdp::audit_sink {

// Thread-safe.
class Sink {
 public:
  // Goes on from where it stopped; the first time, with what is recorded from
  // now on.  DataLoss, Unavailable: its file cannot be read or written.
  static absl::StatusOr<std::unique_ptr<Sink>> Start(
      SinkOptions options, std::unique_ptr<Target> target);
  // What was not posted is, after the next start.
  ~Sink();

  // Reads on, and posts.  Its thread does so every SinkSettings::interval.
  // Returns how long to wait before the next time.
  absl::Duration RunOnce();

  // Whether it has yet to read the segment of this name.
  bool Needs(const audit::SegmentName& name) const;

  SinkStatus Status() const;

 private:
  Sink(SinkOptions options, std::unique_ptr<Target> target, SinkState state);
  void Run();

  absl::Status ReadOn();
  void Take(const LogLine& line);
  // The record that was parsed, which `json` is.
  void TakeRecord(std::string_view json, std::string identity);
  // Whether `line` may be of a record that is for this sink.
  bool MayBeOurs(std::string_view line);
  bool IsOurs(std::string_view project) const;
  // Fills in what the decision was about.  False: it is not for this sink.
  bool JoinDecision(audit::Record& record);
  void Fold(const audit::Record& record, std::string_view json,
            std::string identity);
  void AddEvent(const audit::Record& record, std::string identity);
  void CloseFolds();
  void CloseFold(const OpenFold& fold);
  std::string_view MetaProject(const audit::Record& record) const;

  absl::Status Save();
  absl::Status Post();
  absl::Status PostBatch(size_t count);
  // False: it stays pending.
  bool Settle(PendingEvent& event, const absl::Status& result);
  absl::Duration Backoff();
  void Tell(const absl::Status& status);
  void Measure();

  const SinkOptions options_;
  const std::string file_;
  const std::unique_ptr<Target> target_;

  // All below until status_mutex_: of the thread.
  LogCursor cursor_;
  SinkState state_;  // But for its positions, which are the cursor's.
  bool is_dirty_ = false;
  absl::Duration saved_at_;
  bool is_caught_up_ = false;
  absl::Time looked_at_ = absl::InfinitePast();
  absl::Time read_to_;
  RecentDecisions decisions_;
  audit::LineRecords records_;
  audit::RecordParser parser_;
  DecisionFacts joined_;  // Of the record that is being taken.
  size_t batch_size_;     // Smaller where the server took no larger one.
  absl::StatusCode told_ = absl::StatusCode::kOk;
  int failures_in_a_row_ = 0;

  mutable Mutex status_mutex_;
  SinkStatus status_ ABSL_GUARDED_BY(status_mutex_);
  Positions saved_ ABSL_GUARDED_BY(status_mutex_);

  std::mutex stop_mutex_;
  std::condition_variable stop_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_SINK_H_

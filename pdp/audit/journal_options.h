// How an audit log is kept, and how it is doing.

#ifndef PDP_AUDIT_JOURNAL_OPTIONS_H_
#define PDP_AUDIT_JOURNAL_OPTIONS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pdp/audit/heads.h"
#include "pdp/audit/segment_file.h"
#include "pdp/audit/signing_key.h"
#include "pdp/base/clock.h"

namespace pdp::audit {

struct JournalOptions {
  std::string directory;  // Made where it is missing, for this user alone.
  std::string server;     // What this server is called, in headers.
  std::string product;    // "medplum-pdp 0.1.0".

  // A segment is closed when it is larger or older than this.
  uint64_t max_segment_bytes = uint64_t{64} << 20;
  absl::Duration max_segment_age = absl::Hours(1);

  // How often what was written goes to the disk: so much may be lost when the
  // machine loses power.  With `sync_each_write`, nothing is.
  absl::Duration sync_interval = absl::Seconds(1);
  bool sync_each_write = false;

  // A checkpoint follows after so many records or so much time.
  uint64_t checkpoint_records = 10'000;
  absl::Duration checkpoint_interval = absl::Minutes(1);
  // Null: checkpoints are not signed.
  std::shared_ptr<const SigningKey> signing_key;

  // For tests.
  const Clock* clock = &Clock::Real();
  FileCalls* calls = &FileCalls::Real();
  bool run_thread = true;  // False: Maintain is called by the test.
};

// Totals since the start.
struct JournalStatus {
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t failed_writes = 0;
  uint64_t failed_syncs = 0;
  uint64_t checkpoints = 0;
  uint64_t segments = 0;  // Started.
  uint64_t dropped = 0;   // Records, in best effort.
  bool is_signed = false;
  // At most as old as JournalOptions::checkpoint_interval.
  std::vector<Head> heads;
};

// What chains count.  Thread-safe.
struct JournalCounters {
  std::atomic<uint64_t> records = 0;
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> failed_writes = 0;
  std::atomic<uint64_t> failed_syncs = 0;
  std::atomic<uint64_t> checkpoints = 0;
  std::atomic<uint64_t> segments = 0;
  std::atomic<uint64_t> dropped = 0;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_JOURNAL_OPTIONS_H_

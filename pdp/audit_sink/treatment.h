// Which records of the audit log become AuditEvents, and how.

#ifndef PDP_AUDIT_SINK_TREATMENT_H_
#define PDP_AUDIT_SINK_TREATMENT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "pdp/audit/record.h"

namespace pdp::audit_sink {

// What becomes of reads that were permitted.
enum class Reads : uint8_t { kFolded, kEvery, kNone };

enum class Treatment : uint8_t {
  kNone,  // No event.
  kOne,   // An event of its own.
  kFold,  // One event for all that have the same FoldKey.
};

// Denials, writes, what enforcement points did and calls of administrators are
// events of their own; questions that had no answer are always folded.  What
// grants nothing and changes nothing (simulations), and what Medplum itself
// has a history of (changes), are none.
Treatment TreatmentOf(const audit::Record& record, Reads reads);

// Who asked about which patient, with what kind of outcome, in which window:
// windows follow each other from the epoch.
std::string FoldKey(const audit::Record& record, absl::Duration window);

// When the window that `time` is in ends.
absl::Time WindowEnd(absl::Time time, absl::Duration window);

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_TREATMENT_H_

// Journal: the audit log of one server, as files that only grow.
//
// Each thread that writes has a chain of its own: records in segments, one
// after the other, each record hashed over the one before it.  What was written
// is in the kernel, so that the end of the process loses nothing.

#ifndef PDP_AUDIT_JOURNAL_H_
#define PDP_AUDIT_JOURNAL_H_

#include <memory>

#include "absl/status/status.h"
#include "pdp/audit/record.h"

namespace pdp::audit {

// For one thread at a time.
class Chain {
 public:
  virtual ~Chain() = default;

  // Takes the record's text over.  Nothing is written yet.
  virtual void Add(const Record& record) = 0;

  // Whether something was added that Write has not written.
  virtual bool has_added() const = 0;

  // Writes all that was added, by one write.  OK: it is in the kernel, and
  // survives the end of this process.  Otherwise none of it counts: no part of
  // it is left in the file, and all of it is forgotten here.
  // ResourceExhausted: there is no room; Unavailable: any other fault.
  virtual absl::Status Write() = 0;
};

// Thread-safe.
class Journal {
 public:
  virtual ~Journal() = default;

  // Must not outlive the journal.
  virtual std::unique_ptr<Chain> NewChain() = 0;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_JOURNAL_H_

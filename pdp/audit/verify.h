// Verifying an audit log: that nothing was changed, taken out, put in, moved or
// cut since it was written.

#ifndef PDP_AUDIT_VERIFY_H_
#define PDP_AUDIT_VERIFY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit/finding.h"
#include "pdp/audit/heads.h"
#include "pdp/audit/signing_key.h"

namespace pdp::audit {

struct VerifyOptions {
  // Of segments: a server's own, and archives.  Together they have all.
  std::vector<std::string> directories;
  // None: signatures are not verified.  Several: in the order in which they
  // followed each other; one that was followed signs no more.
  std::vector<SigningKey> public_keys;
  // Heads that were kept elsewhere.  Those in the directories are used as well.
  std::vector<Head> heads;
};

struct VerifyReport {
  Findings findings;
  uint64_t chains = 0;
  uint64_t segments = 0;
  uint64_t records = 0;
  uint64_t checkpoints = 0;
  uint64_t signatures = 0;  // That were verified.
  uint64_t heads = 0;       // That were found.

  bool ok() const { return findings.faults() == 0; }
};

// NotFound: there are neither segments nor heads.  Unavailable: a directory or
// a file cannot be read. REQUIRES: there is a directory
absl::StatusOr<VerifyReport> Verify(const VerifyOptions& options);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_VERIFY_H_

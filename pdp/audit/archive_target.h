// ArchiveTarget: where copies of closed segments go.

#ifndef PDP_AUDIT_ARCHIVE_TARGET_H_
#define PDP_AUDIT_ARCHIVE_TARGET_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/audit/archive_options.h"
#include "pdp/audit/digest.h"

namespace pdp::audit {

class ArchiveTarget {
 public:
  virtual ~ArchiveTarget() = default;

  // Puts a copy of the segment there, in place of one that is there already.
  virtual absl::Status Store(const std::string& path) = 0;
  // Of the copy, as it is there now.
  virtual absl::StatusOr<Hash> DigestOf(const std::string& path) = 0;
};

// REQUIRES: options.has_archive()
std::unique_ptr<ArchiveTarget> MakeArchiveTarget(const ArchiveOptions& options);

// The SHA-256 of a file.
absl::StatusOr<Hash> DigestOfFile(const std::string& path);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_ARCHIVE_TARGET_H_

// Where closed segments are kept, and for how long.

#ifndef PDP_AUDIT_ARCHIVE_OPTIONS_H_
#define PDP_AUDIT_ARCHIVE_OPTIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pdp/audit/segment.h"

namespace pdp::audit {

struct ArchiveOptions {
  // One of the two; neither: there is no archive, and nothing is ever deleted.
  std::string directory;
  // A program and its arguments, run without a shell; the path of the segment
  // follows as the last one.
  std::vector<std::string> command;
  // Run in the same way, when `command` has succeeded: prints the SHA-256 of
  // what was archived, in hexadecimal digits.
  std::vector<std::string> digest_command;
  absl::Duration command_timeout = absl::Minutes(5);

  // How often segments are archived, and deleted.
  absl::Duration interval = absl::Minutes(1);

  // How long an archived segment stays in the server's own directory, where
  // there is room.
  absl::Duration local_retention = absl::Hours(24 * 30);
  // The part of the volume that may be in use before archived segments go
  // earlier, oldest first.
  double max_volume_use = 0.8;

  // How long a segment stays in the archive, where that is a directory.
  absl::Duration retention = absl::Hours(24 * 2192);

  // Whether somebody has yet to read a segment: it stays in the server's own
  // directory though it is old, but not where there is too little room: it can
  // be read in the archive.  Null: nobody has.
  std::function<bool(const SegmentName&)> is_needed;

  bool has_archive() const { return !directory.empty() || !command.empty(); }
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_ARCHIVE_OPTIONS_H_

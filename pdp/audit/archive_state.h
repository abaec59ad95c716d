// What an archiver knows from one run of the server to the next.

#ifndef PDP_AUDIT_ARCHIVE_STATE_H_
#define PDP_AUDIT_ARCHIVE_STATE_H_

#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/audit/digest.h"
#include "pdp/audit/file_journal.h"

namespace pdp::audit {

struct ArchiveState {
  // The digests of the segments that are archived and here, by name.
  std::map<std::string, Hash> archived;
  // What was removed, by where and by chain.
  std::map<std::pair<std::string, std::string>, Removal> removed;

  // The file `archive.jsonl` in the directory of a log; nothing where there is
  // none.  Unavailable: it cannot be read.
  static absl::StatusOr<ArchiveState> Read(const std::string& directory);
  absl::Status Write(const std::string& directory) const;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_ARCHIVE_STATE_H_

// What files a directory source consists of.

#ifndef PDP_SYNC_DIRECTORY_WALK_H_
#define PDP_SYNC_DIRECTORY_WALK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace pdp::sync {

struct WalkedFile {
  std::string path;  // Begins with the path of the walk.
  std::string real;  // The same file, without symbolic links.
  uint64_t bytes = 0;
  absl::Time modified;
};

struct Walk {
  std::vector<WalkedFile> files;  // Ordered by path.
  // All directories that were read, without symbolic links.
  std::vector<std::string> directories;
  // Another one where any file was added, removed, replaced or written since,
  // as far as the file system's clock can tell.
  size_t fingerprint = 0;
};

// The files `*.json` below `path`.
//
// A name that begins with a dot is left out, and so is everything below it:
// editors and orchestrators keep their own there.  Symbolic links are followed
// where they lead to something below `path`, hidden or not; a file or directory
// that is reached in several ways counts once.
//
// InvalidArgument, with the path: a link that leads outside or nowhere, or a
// `*.json` that is no regular file.  ResourceExhausted: more than `max_files`.
// Unavailable: the file system refuses.
absl::StatusOr<Walk> WalkDirectory(const std::string& path, size_t max_files);

}  // namespace pdp::sync

#endif  // PDP_SYNC_DIRECTORY_WALK_H_

// What the files of a directory source say.

#ifndef PDP_SYNC_DIRECTORY_CONTENT_H_
#define PDP_SYNC_DIRECTORY_CONTENT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/json_scan.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/sync/directory_walk.h"
#include "store/record.h"

namespace pdp::sync {

struct DirectoryLimits {
  size_t max_files = 100'000;
  size_t max_file_bytes = size_t{64} << 20;
  size_t max_total_bytes = size_t{2} << 30;
  size_t max_resources = 4'000'000;
};

// One version of a resource, as it stands in a file.
struct FileVersion {
  // The record that is stored, with what the text lacks of `meta` added to it.
  // The versionId is made of the text.  The instant is the file's, or
  // `last_updated` where that is not empty.
  store::Record ToRecord(std::string_view last_updated) const;

  // `path:line:column`.
  std::string Place() const;

  fhir::JsonSpan text;
  const std::string* file_text = nullptr;
  std::string_view path;
  bool recorded = false;     // In a recorded scenario.
  std::string version_id;    // Empty: not in the text.
  std::string last_updated;  // Empty: not in the text.
  std::string file_time;     // When the file was written.
  std::string project;       // In the text, or the one that it is given.
  bool project_in_text = false;
  std::vector<std::string> subjects;
};

// What the directory says of one resource: it is deleted where there is no
// current version.
struct FileResource {
  std::unique_ptr<FileVersion> current;
  std::vector<FileVersion> older;  // Oldest first.
};

struct DirectoryContent {
  // What the FileVersions point into.
  std::vector<std::unique_ptr<const std::string>> texts;
  std::vector<std::unique_ptr<const std::string>> paths;
  std::map<fhir::ResourceKey, FileResource> resources;
  size_t live = 0;
};

// Reads the files of `walk`.  Each holds
//
//   - a resource,
//   - a Bundle: the resources of its entries, or
//   - a recorded scenario, an object with `scenario` and `resources`: these,
//     and in `versions` older versions, oldest first.  What is in `versions`
//     only is deleted.
//
// A resource without `meta.project` belongs to the one Project in the
// directory; a Project belongs to itself, a ProjectMembership to the Project in
// `project`.
//
// InvalidArgument: a file is something else, or wrong; the message has a line
// `path:line:column: reason` for each of the first of them.  Nothing is read in
// part.  ResourceExhausted: past a limit.  Unavailable: a file cannot be read.
absl::StatusOr<DirectoryContent> ReadDirectoryContent(
    const Walk& walk, const DirectoryLimits& limits);

}  // namespace pdp::sync

#endif  // PDP_SYNC_DIRECTORY_CONTENT_H_

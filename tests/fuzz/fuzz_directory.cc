// A file of a directory source: a resource, a Bundle or a recorded scenario.

#include <fstream>
#include <string>
#include <string_view>

#include "pdp/fhir/json_scan.h"
#include "pdp/fhir/resource.h"
#include "pdp/sync/directory_content.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/temp_directory.h"

namespace pdp::fuzz {

void RunInput(std::string_view input) {
  static const TempDirectory directory;
  const std::string path = directory / "input.json";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << input;
  sync::Walk walk;
  walk.files = {{.path = "input.json",
                 .real = path,
                 .bytes = input.size(),
                 .modified = absl::UnixEpoch()}};
  const auto content = sync::ReadDirectoryContent(walk, {});
  if (!content.ok()) return;
  Require(!fhir::FindJsonFault(input, 1'000).has_value(),
          "a file with a fault is refused");
  for (const auto& [key, resource] : content->resources) {
    if (resource.current == nullptr) continue;
    const store::Record record = resource.current->ToRecord("");
    const auto parsed = fhir::Resource::Parse(record.bytes);
    Require(parsed.ok() && (*parsed)->key() == key,
            "what is stored parses, under its own key");
    Require(!(*parsed)->version_id().empty(), "what is stored has a version");
  }
}

}  // namespace pdp::fuzz

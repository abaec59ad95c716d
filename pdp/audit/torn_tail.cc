#include "pdp/audit/torn_tail.h"

#include <fstream>

#include "pdp/base/strings.h"

namespace pdp::audit {

absl::StatusOr<TornTail> ReadTornTail(const std::string& path, uint64_t begin) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(begin));
  Digest digest;
  TornTail tail;
  char buffer[65536];
  while (file) {
    file.read(buffer, sizeof buffer);
    const auto count = static_cast<size_t>(file.gcount());
    digest.Update({buffer, count});
    tail.bytes += count;
  }
  if (!file.eof()) {
    return absl::UnavailableError(StrCat("cannot read `", path, "`"));
  }
  tail.digest = digest.Finish();
  return tail;
}

}  // namespace pdp::audit

#include "pdp/medplum/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

absl::Status Refuse(const std::string& path, std::string_view why,
                    std::string_view advice) {
  return absl::UnauthenticatedError(
      StrCat("the secret file `", path, "` ", why, ": ", advice));
}

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  // A pipe that nobody writes to would be waited for.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return Refuse(path, StrCat("cannot be read (", std::strerror(errno), ")"),
                  "let this user read it");
  }
  const auto close_file = absl::MakeCleanup([file] { close(file); });
  struct stat info = {};
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    return Refuse(path, "is no file", "name the file that has the secret");
  }
  std::string content;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(file, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Refuse(path, StrCat("cannot be read (", std::strerror(errno), ")"),
                    "let this user read it");
    }
    if (count == 0) break;
    content.append(buffer, static_cast<size_t>(count));
    if (content.size() > kMaxSecretBytes) {
      return Refuse(path, "is too large", "name the file that has the secret");
    }
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (content.empty()) {
    return Refuse(path, "is empty", "write the secret to it");
  }
  return content;
}

}  // namespace pdp::medplum

#include "pdp/audit/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "pdp/audit/segment_file.h"
#include "pdp/base/strings.h"

namespace pdp::audit {

absl::Status ReplaceFile(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  const std::string what = StrCat("cannot write `", path, "`");
  const int file =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
           S_IRUSR | S_IWUSR);
  if (file < 0) return FileError(what, errno);
  const ssize_t written = write(file, text.data(), text.size());
  int error = 0;
  if (written != static_cast<ssize_t>(text.size())) {
    error = written < 0 ? errno : ENOSPC;
  } else if (fdatasync(file) != 0) {
    error = errno;
  }
  close(file);
  if (error != 0) return FileError(what, error);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return FileError(what, errno);
  }
  return absl::OkStatus();
}

}  // namespace pdp::audit
